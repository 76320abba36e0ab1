/** Lets the browser save a file that was made in the page. */
export function download(fileName: string, parts: string[], mediaType: string): void {
  const address = URL.createObjectURL(new Blob(parts, { type: mediaType }));
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = fileName;
  anchor.click();
  // The browser has taken the file up by the next task.
  setTimeout(() => URL.revokeObjectURL(address));
}
