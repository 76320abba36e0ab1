export interface DemoFacts {
  publicUrl: string;
  /** Has the documentation and metrics. */
  operationsUrl: string;
  /** Null with a real Meta app, where no demo user is connected. */
  sandboxUrl: string | null;
  /** Sign-in link; works once. */
  consoleUrl: string;
  keyDirectory: string;
  adminKey: string;
  serviceKey: string;
  tenant: string;
  product: string;
  connection: {
    id: string;
    meta_user_id: string;
    credentials: { subject_id: string; subject_name: string | null }[];
  } | null;
}

type Style = (text: string) => string;

/** Renders what `npm start` shows. Each `curl` line can be pasted, in any order, into any shell with sed. */
export function demoScreen(facts: DemoFacts, hasColor: boolean): string {
  const bold = style('1', hasColor);
  const dim = style('2', hasColor);
  const row = (name: string, value: string): string => `  ${dim(name.padEnd(12))}${value}`;
  const { publicUrl, operationsUrl, sandboxUrl } = facts;
  return [
    '',
    `  ${bold('Metavault is running')}${dim('   Ctrl-C stops it; data is kept for the next start')}`,
    '',
    row('Console', `${facts.consoleUrl}  ${dim('signs in once, within 10 minutes')}`),
    row('API', publicUrl),
    row('Docs', `${operationsUrl}/docs`),
    row('Metrics', `${operationsUrl}/metrics`),
    ...(sandboxUrl === null
      ? []
      : [row('Sandbox', `${sandboxUrl}  ${dim('a stand-in for Meta; nothing is sent to the real one')}`)]),
    '',
    row('Admin key', facts.adminKey),
    row('Service key', facts.serviceKey),
    row('Keys in', `${facts.keyDirectory}  ${bold('development keys: never use them for real tokens')}`),
    '',
    ...(facts.connection === null
      ? connectInstructions(facts, bold)
      : curlExamples(facts, facts.connection, bold, dim)),
    '',
  ].join('\n');
}

function curlExamples(
  facts: DemoFacts,
  connection: NonNullable<DemoFacts['connection']>,
  bold: Style,
  dim: Style,
): string[] {
  const name = connection.credentials.find((each) => each.subject_id === connection.meta_user_id)?.subject_name;
  const user = name ?? 'A sandbox user';
  const { tenant, product, publicUrl } = facts;
  const key = `-H 'Authorization: Bearer ${facts.serviceKey}'`;
  const lease = `curl -sS ${key} -H 'Content-Type: application/json' -d '{"tenant":"${tenant}","product":"${product}"}' ${publicUrl}/v1/leases`;
  const pickToken = `sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p'`;
  return [
    `  ${bold(`${user} is connected`)}${dim(`   ${connection.id}, tenant ${tenant}, product ${product}`)}`,
    '',
    dim('  # (a) list the connection'),
    `curl -sS ${key} '${publicUrl}/v1/connections?tenant=${tenant}&product=${product}'`,
    '',
    dim('  # (b) get a lease'),
    lease,
    '',
    dim("  # (c) call /me with a lease: Meta's token never leaves the service"),
    `curl -sS -H "Authorization: Bearer $(${lease} | ${pickToken})" '${publicUrl}/graph/me?fields=id,name'`,
    '',
  ];
}

function connectInstructions(facts: DemoFacts, bold: Style): string[] {
  const sessionRequest = `{"tenant":"${facts.tenant}","product":"${facts.product}","flow":"facebook_login"}`;
  return [
    `  ${bold('A Meta app is configured, so no demo user was connected. Run this and open its connect_url:')}`,
    '',
    `curl -sS -H 'Authorization: Bearer ${facts.serviceKey}' -H 'Content-Type: application/json' -d '${sessionRequest}' ${facts.publicUrl}/v1/connect-sessions`,
    '',
  ];
}

function style(code: string, hasColor: boolean): Style {
  return (text) => (hasColor ? `\u001b[${code}m${text}\u001b[0m` : text);
}
