/** Reads what the server says about this page: `src/customer-pages/page-setup.ts`. */
export function readSetup<Setup>(): Setup {
  return JSON.parse(getElement('setup').textContent ?? '') as Setup;
}

export function getElement(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no #${id}`);
  return element;
}
