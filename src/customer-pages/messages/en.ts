import type { Messages } from './messages.ts';

export const ENGLISH: Messages = {
  confirm: {
    heading: 'Connect {what} to {name}?',
    headingWithoutName: 'Connect {what}?',
    request: '{name} asks you to connect {what}. You will log in at {site}, choose what to connect, and share:',
    requestWithoutName:
      'The sender of this link asks you to connect {what}. You will log in at {site}, choose what to connect, and share:',
    caution:
      'Continue only if you know who sent you this link and the account is yours to share. You can revoke access at any time in your {site} settings.',
    continue: 'Continue to {site}',
    unexpected: 'If you did not expect this link, close this page. Nothing has been shared.',
  },
  products: {
    whatsapp: {
      title: 'WhatsApp',
      whatIsConnected: 'your WhatsApp Business account',
      whatIsShared: [
        'the WhatsApp Business accounts you choose, with their phone numbers and message templates',
        'messages that customers send to these numbers',
        'permission to send messages from these numbers',
      ],
    },
    instagram: {
      title: 'Instagram',
      whatIsConnected: 'your Instagram account',
      whatIsShared: [
        'your Instagram account, with its posts, comments and messages',
        'permission to post, comment and send messages from it',
        'its statistics',
      ],
    },
    ads: {
      title: 'ad accounts',
      whatIsConnected: 'your ad accounts',
      whatIsShared: [
        'your ad accounts, with permission to change their campaigns, ads and budgets',
        'the results and cost of your ads',
        'your account name',
      ],
    },
    pages: {
      title: 'Facebook Pages',
      whatIsConnected: 'your Facebook Pages',
      whatIsShared: [
        'the Facebook Pages you choose, with their posts, comments and messages',
        'permission to post, comment and send messages as these Pages',
        'their insights and your account name',
      ],
    },
    threads: {
      title: 'Threads',
      whatIsConnected: 'your Threads account',
      whatIsShared: [
        'your Threads profile, with its posts and replies',
        'permission to post and reply from it',
        'its statistics',
      ],
    },
  },
  signup: {
    title: 'Connect WhatsApp',
    welcome: 'A Meta window will open where you choose or create your WhatsApp Business Account.',
    start: 'Continue with Facebook',
    useFullPage: 'Use the full page instead',
    continueOnFullPage: 'Continue on the full page',
    leave: 'Leave',
    withoutScript: "Without JavaScript, you can sign up on Meta's full page.",
    moment: 'One moment…',
    inWindow: 'Continue in the Meta window.',
    left: 'The signup was not completed, so nothing was connected. If no Meta window opened, allow pop-ups for this page or continue on the full page.',
    lost: 'Meta completed the signup, but its window did not return the result. Continue on the full page and choose the same account: Meta kept what you entered.',
    quiet:
      'Still waiting for the Meta window. If it is open, continue there. If it is gone or stuck, continue on the full page.',
    blocked:
      'Meta’s part of this page did not load and may be blocked. Continue on the full page, which does not need it.',
    offline: 'We could not reach our server. Check your internet connection and try again soon.',
    failed: 'Something went wrong. Please start again.',
    metaProblem: 'Meta reported a problem{details}, so nothing was connected.',
    metaCode: 'code',
    metaSession: 'session',
    tryAgain: 'Try again',
    startAgain: 'Start again',
    sendAgain: 'Send again',
    loadAgain: 'Load again',
  },
  connected: {
    title: 'Connected',
    summary: 'You have connected {what}.',
    summaryFor: 'You have connected {what} to {name}.',
    account: 'Account',
    assets: {
      page: 'Facebook Page',
      instagram_account: 'Instagram account',
      whatsapp_business_account: 'WhatsApp Business account',
      phone_number: 'Phone number',
      ad_account: 'Ad account',
    },
    more: 'and {count} more',
    incomplete: 'Setup is not complete.',
    shortcomings: {
      no_whatsapp_account:
        'Meta named no WhatsApp Business account for this login. Sign up again and choose or create one.',
      nothing_found:
        'The account you used has nothing that can be connected. Use an account that manages it, or create it at Meta first, then connect again.',
      permission_missing:
        'A permission was not granted, so some things will not work. Connect again and leave all permissions selected.',
      phone_number_missing:
        'The WhatsApp Business account has no phone number yet. Add and verify one in WhatsApp Manager, then connect again.',
      phone_number_unverified:
        'A phone number is not verified yet. Verify it in WhatsApp Manager by text message or call.',
      other:
        'One more step is needed. The business that sent you here can see which one and will tell you if you need to do it.',
    },
    registration:
      "Before {numbers} can send and receive through the WhatsApp Cloud API, one step is left, unless it was done elsewhere: registration. The business that sent you here can do it, and needs a six-digit pin from you: your two-step verification pin for the number, or a new one if you don't use that.",
    registrationMore: '{numbers} and {count} more',
    forDevelopers: 'For that business:',
    documentation: 'documentation',
    complete: 'Everything is set up.',
    close: 'You can close this page.',
    closeAndReturn: 'You can close this page and go back to {name}.',
  },
  errors: {
    access_denied: {
      title: 'The login was canceled. Nothing was connected.',
      remedy: 'Open the link again and confirm the dialog, or close this page.',
    },
    app_unavailable: {
      title: 'Meta does not currently let this account use the app.',
      remedy: 'Ask the operator to switch the app to live in the app dashboard, or to give this account a role on it.',
    },
    session_expired: {
      title: 'This connect link has expired or was already used.',
      remedy: 'Go back to where you got the link and start again to get a new one.',
    },
    state_mismatch: {
      title: 'This is not the browser that started the login.',
      remedy: 'Open the connect link again in this browser, with cookies enabled, and complete the login here.',
    },
    code_rejected: {
      title:
        'Meta rejected the authorization code: it was used, has expired, or belongs to another app or redirect URI.',
      remedy: 'Log in again to get a new code. Codes work once and expire quickly.',
    },
    meta_configuration: {
      title: "Meta rejected this app's settings.",
      remedy:
        'Tell the operator: app id, app secret, redirect URI and API version must match the app dashboard. If the login succeeded, we keep it for a day and finish it automatically.',
    },
    meta_unavailable: {
      title: 'Meta is not responding properly at the moment.',
      remedy: 'If Meta confirmed the login, we finish it automatically. Otherwise log in again in a few minutes.',
    },
    wrong_account: {
      title: 'This is not the account the link is for. Nothing was connected.',
      remedy: 'Log out of Facebook, Instagram or Threads, then open the link again and use the right account.',
    },
    account_locked: {
      title: 'Meta has locked this account until its owner confirms it.',
      remedy: 'Log in at facebook.com, follow the instructions there, then connect again.',
    },
    business_unknown: {
      title:
        'Meta does not say which business this login belongs to, and this link is for one business only. Nothing was connected.',
      remedy: 'Log in with an account of that business, or ask the sender for a new link.',
    },
    other: {
      title: 'Something went wrong.',
      remedy: 'Please try again in a few minutes. If it happens again, tell the business that sent you here.',
    },
  },
  problem: {
    startAgain: 'Start again',
    support: 'Code {code}, request {request}',
  },
  deletion: {
    title: 'Data deletion',
    unknown: 'No request has this code',
    unknownRemedy: 'Check the confirmation code that Facebook or Instagram showed you.',
    inProgress: 'Your data is being deleted',
    inProgressRemedy: 'This takes a few minutes. Please check back later.',
    completed: 'Your data has been deleted',
    completedDetails:
      'As of {time}, this service has no access to your account and no longer stores your name or ID from that request.',
    connectedAgain:
      'If you connected your account again after the request, that new connection remains until you remove it.',
    requested: 'Requested on {time}. Confirmation code: {code}',
  },
};
