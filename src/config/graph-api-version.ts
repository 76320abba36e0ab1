/** Graph API version if `META_GRAPH_API_VERSION` is not set. */
export const DEFAULT_GRAPH_API_VERSION = 'v26.0';
