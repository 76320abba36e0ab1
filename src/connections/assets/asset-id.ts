/** Meta's id of an asset. */
export const ASSET_ID_PATTERN = /^[A-Za-z0-9_.-]{1,128}$/;
