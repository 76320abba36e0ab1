// The last page of a session in a pop-up: tells the page that opened it, or takes its place if that can't be reached.
import type { DoneSetup } from '../src/customer-pages/page-setup.ts';
import { readSetup } from './read-setup.ts';

const { message, targetOrigin, returnUrl } = readSetup<DoneSetup>();
const opener = window.opener as Window | null;
if (opener !== null) opener.postMessage(message, targetOrigin);
else if (returnUrl !== null) location.replace(returnUrl);
