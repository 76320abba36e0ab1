const TEXT = { schema: { type: 'string' } };

/** Content of a described response that is a page. */
export const HTML = { 'text/html': TEXT };
export const PLAIN_TEXT = { 'text/plain': TEXT };
