import '@mantine/core/styles.css';
import './style.css';
import { setNonce } from 'get-nonce';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { chooseLocale, loadMessages } from './messages/locale.ts';
import { storedLocale } from './messages/use-messages.tsx';
import { signInByLink } from './session/sign-in-link.ts';

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
// For the style that keeps the page behind a dialog from scrolling.
setNonce(nonce);
const locale = chooseLocale(storedLocale(), navigator.languages);
const [messages, linkError] = await Promise.all([loadMessages(locale), signInByLink()]);
const root = document.getElementById('root');
if (root === null) throw new Error('The page has no root.');
createRoot(root).render(<App locale={locale} messages={messages} nonce={nonce} linkError={linkError} />);
