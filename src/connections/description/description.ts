export type Metadata = Record<string, string>;

/** A product's own words about a connection. They have no effect here. */
export interface Description {
  /** The product's own id for it. */
  reference: string | null;
  metadata: Metadata;
}

/** What a session, code, token, or import brings; absent fields leave the connection's unchanged. */
export interface BroughtDescription {
  reference?: string;
  metadata?: Metadata;
}

/** A merge patch (RFC 7396): null removes, what is absent stays. */
export interface DescriptionPatch {
  reference?: string | null;
  metadata?: Record<string, string | null> | null;
}

export const MAX_METADATA_PAIRS = 50;

/** Returns the description after a merge patch. The caller checks its size (`MAX_METADATA_PAIRS`). */
export function patchDescription(current: Description, patch: DescriptionPatch): Description {
  const { reference = null } = patch.reference === undefined ? current : patch;
  if (patch.metadata === undefined) return { reference, metadata: current.metadata };
  const merged = new Map<string, string>(patch.metadata === null ? [] : Object.entries(current.metadata));
  for (const [key, value] of Object.entries(patch.metadata ?? {})) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return { reference, metadata: Object.fromEntries(merged) };
}

/** Only what is there, for objects whose optional fields are absent instead of undefined. */
export function toBrought({ reference, metadata }: { reference?: string; metadata?: Metadata }): BroughtDescription {
  return { ...(reference === undefined ? {} : { reference }), ...(metadata === undefined ? {} : { metadata }) };
}
