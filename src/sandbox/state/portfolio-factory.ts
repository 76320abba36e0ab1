import { CredentialFactory } from './credential-factory.ts';
import { allTasks, newPage } from './default-seed.ts';
import type { BusinessRecord, PageRecord, PageRole } from './records.ts';

/** Roles on a new Page. Default: all tasks. */
export interface NewRoles {
  userIds?: string[];
  tasks?: string[];
  throughBusiness?: boolean;
}

export interface ManyPages extends Omit<NewRoles, 'userIds'> {
  count: number;
  name?: string;
  /** The user with the tasks; none if missing. */
  userId?: string;
  businessId?: string;
  /** Whether the portfolio owns the Pages or has them as a client's. */
  relation?: 'owned' | 'client';
  /** Gives each Page an Instagram account. */
  instagram?: boolean;
}

const MAX_PAGES = 100_000;

/** Creates Pages and portfolios, and assigns roles. */
export class PortfolioFactory extends CredentialFactory {
  /** Creates a Page; `userIds` get the tasks. */
  page(input: Partial<PageRecord> & NewRoles = {}): PageRecord {
    const { userIds, tasks, throughBusiness, ...rest } = input;
    const id = numeric(input.id ?? this.context.store.nextId('20'));
    const page = { ...newPage(id, `Sandbox Page ${id.slice(-4)}`, null), ...rest, id };
    this.context.store.pages.set(id, page);
    for (const userId of userIds ?? []) this.context.user(userId).pageRoles.push(newRole(id, tasks, throughBusiness));
    this.context.store.onChange();
    return page;
  }

  /** Creates up to 100,000 Pages and returns their ids. */
  pagesInBulk(input: ManyPages): string[] {
    const { store } = this.context;
    if (!(Number.isInteger(input.count) && input.count >= 1 && input.count <= MAX_PAGES))
      throw new Error(`count must be an integer from 1 to ${MAX_PAGES}`);
    const business = input.businessId === undefined ? null : this.businessById(input.businessId);
    const roles = input.userId === undefined ? [] : this.context.user(input.userId).pageRoles;
    const isClient = input.relation === 'client';
    const ids: string[] = [];
    for (let index = 1; index <= input.count; index += 1) {
      const id = store.nextId('20');
      const name = `${input.name ?? 'Sandbox Page'} ${index}`;
      const page = newPage(id, name, input.instagram === true ? store.nextId('178414') : null);
      if (page.instagramId !== null)
        store.instagramAccounts.set(page.instagramId, {
          id: page.instagramId,
          username: `sandbox_${id.slice(-6)}`,
          name,
        });
      if (business !== null && !isClient) page.businessId = business.id;
      store.pages.set(id, page);
      if (input.userId !== undefined) roles.push(newRole(id, input.tasks, input.throughBusiness));
      ids.push(id);
    }
    if (business !== null && isClient) business.clientPageIds = [...(business.clientPageIds ?? []), ...ids];
    store.onChange();
    return ids;
  }

  patchPage(id: string, patch: Partial<Omit<PageRecord, 'id'>>): PageRecord {
    const page = this.context.store.pages.get(id);
    if (page === undefined) throw new Error(`no page ${id}`);
    Object.assign(page, patch);
    this.context.store.onChange();
    return page;
  }

  /** Changes a user's role on a Page. Without tasks Meta gives no token for it (190/492 for existing ones). */
  role(userId: string, pageId: string, change: Partial<Pick<PageRole, 'tasks' | 'throughBusiness'>>): PageRole {
    const { pageRoles } = this.context.user(userId);
    if (!this.context.store.pages.has(pageId)) throw new Error(`no page ${pageId}`);
    const known = pageRoles.find((one) => one.pageId === pageId);
    const role = known ?? newRole(pageId);
    if (known === undefined) pageRoles.push(role);
    Object.assign(role, change);
    this.context.store.onChange();
    return role;
  }

  /** Creates a portfolio with members `userIds`. */
  business(input: Partial<BusinessRecord> & { userIds?: string[] } = {}): BusinessRecord {
    const { userIds, ...rest } = input;
    const id = numeric(input.id ?? this.context.store.nextId('30'));
    for (const userId of userIds ?? []) this.context.user(userId).businessIds.push(id);
    return this.keep(this.context.store.businesses, {
      name: `Sandbox Business ${id.slice(-4)}`,
      requiresExpiry: false,
      ...rest,
      id,
    });
  }

  patchBusiness(id: string, patch: Partial<Omit<BusinessRecord, 'id'>>): BusinessRecord {
    return this.keep(this.context.store.businesses, { ...this.businessById(id), ...patch });
  }

  private businessById(id: string): BusinessRecord {
    const business = this.context.store.businesses.get(id);
    if (business === undefined) throw new Error(`no business ${id}`);
    return business;
  }

  protected keep<T extends { id: string }>(map: Map<string, T>, record: T): T {
    map.set(record.id, record);
    this.context.store.onChange();
    return record;
  }
}

export function newRole(pageId: string, tasks: string[] = allTasks, throughBusiness?: boolean): PageRole {
  const role: PageRole = { pageId, tasks: [...tasks], generation: 0 };
  return throughBusiness === true ? { ...role, throughBusiness } : role;
}

/** Checks an id: tokens store ids as 64-bit numbers. */
export function numeric(id: string): string {
  if (!/^[1-9]\d{0,18}$/.test(id)) throw new Error(`a Meta id has 1 to 19 digits, unlike ${id}`);
  return id;
}
