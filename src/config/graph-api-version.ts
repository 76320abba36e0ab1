/** The version of the Graph API that is asked for where `META_GRAPH_API_VERSION` says nothing. */
export const DEFAULT_GRAPH_API_VERSION = 'v26.0';
