import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { describeWithTools, runTool } from '../../support/describe-with-tools.ts';
import { faultsOf, type KubernetesObject, parseObjects } from '../../support/kubernetes-schema.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const FOLDER = path.join(ROOT, 'deploy/kubernetes');
const read = (file: string): string => readFileSync(path.join(FOLDER, file), 'utf8');
const settings = [...readFileSync(path.join(ROOT, '.env.example'), 'utf8').matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(
  ([, name = '']) => name,
);

const files = ['base', 'migration', 'example'].flatMap((folder) =>
  readdirSync(path.join(FOLDER, folder))
    .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
    .map((file) => `${folder}/${file}`),
);
const objects = files.flatMap((file) => parseObjects(read(file)));
function find<T>(kind: string): T {
  return objects.find((object) => object.kind === kind) as T;
}

interface Probe {
  httpGet: { path: string; port: string };
}
interface Container {
  image: string;
  ports?: { name: string; containerPort: number }[];
  env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  securityContext: object;
}
interface Workload extends KubernetesObject {
  spec: {
    template: {
      metadata: { annotations?: Record<string, string> };
      spec: {
        automountServiceAccountToken: boolean;
        terminationGracePeriodSeconds: number;
        securityContext: object;
        containers: [Container];
      };
    };
  };
}
interface Kustomization {
  configMapGenerator: { literals: string[] }[];
}
const deployment = find<Workload>('Deployment');
const job = find<Workload>('Job');
const containerOf = ({ spec }: Workload): Container => spec.template.spec.containers[0];
const literals = (folder: string): Map<string, string> => {
  const { configMapGenerator } = parse(read(`${folder}/kustomization.yaml`)) as Kustomization;
  const pairs = configMapGenerator.flatMap((generator) => generator.literals.map((each) => each.split(/=(.*)/s)));
  return new Map(pairs.map(([name = '', value = '']) => [name, value]));
};

describe('the manifests', () => {
  it('follow the schemas of Kubernetes', async () => {
    expect(await faultsOf(objects)).toEqual([]);
  });

  it('are found where they do not', async () => {
    const { spec } = deployment;
    const wrong = [
      { ...deployment, spec: { ...spec, selector: undefined } },
      { ...deployment, spec: { ...spec, replicaz: 2 } },
      { ...deployment, spec: { ...spec, minReadySeconds: 'ten' } },
      { ...deployment, apiVersion: 'apps/v1beta1' },
    ] as KubernetesObject[];
    const faults = (await faultsOf(wrong)).join('\n');
    expect(faults).toMatch(/selector/);
    expect(faults).toMatch(/replicaz/);
    expect(faults).toMatch(/minReadySeconds/);
    expect(faults).toMatch(/apps\/v1beta1 is not apps\/v1/);
  });

  it.each([
    ['the replica', deployment],
    ['the migration', job],
  ])('run %s without rights', (_, workload) => {
    const { spec } = workload.spec.template;
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(containerOf(workload).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('set only settings that exist, and secrets by reference', () => {
    const variables = [deployment, job].flatMap((workload) => containerOf(workload).env);
    const plain = [...literals('base'), ...literals('example')];
    const names = [...variables, ...plain.map(([name]) => ({ name }))].map(({ name }) => name);
    expect(names.filter((name) => !settings.includes(name))).toEqual([]);
    const isSecret = (name: string): boolean => /SECRET|TOKEN|KEY|DATABASE_URL|PASSWORD/.test(name);
    expect(plain.filter(([name]) => isSecret(name))).toEqual([]);
    expect(variables.filter(({ name, value }) => isSecret(name) && value !== undefined)).toEqual([]);
    expect(variables.filter(({ name, valueFrom }) => isSecret(name) !== (valueFrom !== undefined))).toEqual([]);
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  it('agree with each other on ports, probes, and the time to stop', () => {
    const { ports, startupProbe, livenessProbe, readinessProbe } = containerOf(deployment);
    const set = literals('base');
    expect(ports).toEqual([
      { name: 'http', containerPort: Number(set.get('PORT')) },
      { name: 'operations', containerPort: Number(set.get('OPERATIONS_PORT')) },
    ]);
    expect(deployment.spec.template.metadata.annotations?.['prometheus.io/port']).toBe(set.get('OPERATIONS_PORT'));
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/health/live', port: 'http' },
      { path: '/health/live', port: 'http' },
      { path: '/health/ready', port: 'http' },
    ]);
    const delay = Number(set.get('SHUTDOWN_DELAY_SECONDS'));
    expect(deployment.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(delay + 25);
    expect(find<{ spec: { ports: object[] } }>('Service').spec.ports).toMatchObject([{ targetPort: 'http' }]);
  });

  it('scale by a metric that the adapter makes of one that exists', () => {
    const { spec } = find<{ spec: { metrics: { pods?: { metric: { name: string } } }[] } }>('HorizontalPodAutoscaler');
    const adapter = parse(read('prometheus-adapter.yaml')) as {
      rules: { custom: { name: { as: string }; seriesQuery: string }[] };
    };
    expect(adapter.rules.custom.map(({ name }) => name.as)).toEqual(
      spec.metrics.flatMap(({ pods }) => (pods === undefined ? [] : [pods.metric.name])),
    );
    expect(adapter.rules.custom[0]?.seriesQuery).toMatch(/^metavault_http_requests_total\{/);
  });

  it('need the secrets that docs/production.md makes, in the folders that it applies', () => {
    const page = readFileSync(path.join(ROOT, 'docs/production.md'), 'utf8');
    const made = [...page.matchAll(/^kubectl -n metavault create secret generic (\S+) (.+)$/gm)].flatMap(
      ([, name, rest = '']) =>
        [...rest.matchAll(/--from-(?:file|literal)=([\w-]+)/g)].map(([, key]) => `${name}/${key}`),
    );
    const needed = [deployment, job].flatMap((workload) =>
      containerOf(workload).env.flatMap(({ valueFrom }) => {
        return valueFrom === undefined ? [] : [`${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}`];
      }),
    );
    expect(made.sort()).toEqual(needed.sort());
    expect([...page.matchAll(/apply -k deploy\/kubernetes\/([\w/]+)/g)].map(([, folder]) => folder)).toEqual([
      'example/migration',
      'example',
    ]);
    expect(page).toContain(`job/${job.metadata.name} `);
    expect(page).toContain(`deployment/${deployment.metadata.name} `);
  });

  it('keep the migration apart from the replicas: another database user, another folder', () => {
    const secretOf = (workload: Workload) =>
      containerOf(workload).env.find(({ name }) => name === 'DATABASE_URL')?.valueFrom?.secretKeyRef.name;
    expect([secretOf(deployment), secretOf(job)]).toEqual(['metavault-database', 'metavault-database-owner']);
    expect(read('base/kustomization.yaml')).not.toContain('job.yaml');
  });
});

describeWithTools(['kubectl'], 'kubectl kustomize', () => {
  const render = (folder: string): KubernetesObject[] =>
    parseObjects(runTool('kubectl', 'kustomize', path.join(FOLDER, folder)));

  it('renders the example, which still follows the schemas', async () => {
    const rendered = render('example');
    expect(await faultsOf(rendered)).toEqual([]);
    const namespaced = rendered.filter(({ kind }) => kind !== 'Namespace');
    expect([...new Set(namespaced.map(({ metadata }) => metadata.namespace))]).toEqual(['metavault']);
    const { data, metadata } = rendered.find(({ kind }) => kind === 'ConfigMap') as KubernetesObject & { data: object };
    expect(Object.keys(data)).toEqual([...literals('base').keys(), ...literals('example').keys()].sort());
    const replica = rendered.find(({ kind }) => kind === 'Deployment') as Workload;
    expect(containerOf(replica)).toMatchObject({
      image: 'registry.example/metavault:0.1.0',
      envFrom: [{ configMapRef: { name: metadata.name } }],
    });
  });

  it('selects the pods of the replicas everywhere', () => {
    const labels = { 'app.kubernetes.io/name': 'metavault', 'app.kubernetes.io/component': 'replica' };
    const rendered = render('base') as (KubernetesObject & { spec: Record<string, unknown> })[];
    const specOf = (kind: string) => rendered.find((each) => each.kind === kind)?.spec;
    expect(specOf('Deployment')).toMatchObject({
      selector: { matchLabels: labels },
      template: { metadata: { labels } },
    });
    expect(specOf('Service')).toMatchObject({ selector: labels });
    expect(specOf('PodDisruptionBudget')).toMatchObject({ selector: { matchLabels: labels } });
    expect(specOf('NetworkPolicy')).toMatchObject({
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'metavault' } },
    });
    const [migration] = render('example/migration') as [Workload];
    expect(migration.spec.template.metadata).toMatchObject({ labels: { 'app.kubernetes.io/name': 'metavault' } });
    expect(containerOf(migration).image).toBe('registry.example/metavault:0.1.0');
  });
});
