/** A tenant's id: the client's own id for one of its customers. */
export const TENANT_PATTERN = /^[A-Za-z0-9._:-]{1,128}$/;

/** A tenant in the list that a client may access, or `*` for all. */
export const TENANT_OR_ALL_PATTERN = /^(?:\*|[A-Za-z0-9._:-]{1,128})$/;
