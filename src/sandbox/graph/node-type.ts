import type {
  AdAccount,
  AppRecord,
  BusinessRecord,
  InstagramAccount,
  PageRecord,
  PhoneNumber,
  PostRecord,
  Principal,
  ReportRun,
  WabaRecord,
} from '../state/records.ts';

/** An object that was found by id and that the caller can access. */
export type GraphNode =
  | { type: 'user'; id: string; record: Principal }
  | { type: 'page'; id: string; record: PageRecord }
  | { type: 'instagram'; id: string; record: InstagramAccount }
  | { type: 'business'; id: string; record: BusinessRecord }
  | { type: 'waba'; id: string; record: WabaRecord }
  | { type: 'phone'; id: string; record: PhoneNumber }
  | { type: 'adaccount'; id: string; record: AdAccount }
  | { type: 'post'; id: string; record: PostRecord }
  | { type: 'report'; id: string; record: ReportRun }
  | { type: 'app'; id: string; record: AppRecord };
