/** Makes the browser save a file that was created in the page. */
export function download(fileName: string, parts: string[], mediaType: string): void {
  const address = URL.createObjectURL(new Blob(parts, { type: mediaType }));
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = fileName;
  anchor.click();
  // By the next task, the browser has taken over the file.
  setTimeout(() => URL.revokeObjectURL(address));
}
