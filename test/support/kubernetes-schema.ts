import path from 'node:path';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** Where `kubernetes-models`, generated from the OpenAPI document of Kubernetes, has the kinds that we use. */
const MODELS: Readonly<Record<string, string>> = {
  Namespace: 'v1/Namespace',
  ServiceAccount: 'v1/ServiceAccount',
  ConfigMap: 'v1/ConfigMap',
  Service: 'v1/Service',
  Deployment: 'apps/v1/Deployment',
  Job: 'batch/v1/Job',
  PodDisruptionBudget: 'policy/v1/PodDisruptionBudget',
  HorizontalPodAutoscaler: 'autoscaling/v2/HorizontalPodAutoscaler',
  NetworkPolicy: 'networking.k8s.io/v1/NetworkPolicy',
  Ingress: 'networking.k8s.io/v1/Ingress',
};

export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
}

/** All objects of a YAML stream. */
export function parseObjects(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as KubernetesObject;
  });
}

/** What is wrong with objects by the published schemas: values, missing fields, and fields that do not exist. */
export async function faultsOf(objects: readonly KubernetesObject[]): Promise<string[]> {
  const values = await Promise.all(objects.map(valueFaults));
  return [...values.flat(), ...fieldFaults(objects)];
}

async function valueFaults(object: KubernetesObject): Promise<string[]> {
  const file = MODELS[object.kind];
  if (file === undefined) return [`${object.kind}: not a kind that we use`];
  const model = (await import(`kubernetes-models/${file}`)) as Record<string, new (data: unknown) => Model>;
  const Kind = model[object.kind];
  if (Kind === undefined) throw new Error(`kubernetes-models/${file} has no ${object.kind}`);
  const expected = new Kind({ metadata: {} }).toJSON() as KubernetesObject;
  if (expected.apiVersion !== object.apiVersion)
    return [`${object.kind}: ${object.apiVersion} is not ${expected.apiVersion}`];
  try {
    new Kind(object).validate();
    return [];
  } catch (error) {
    return [`${object.kind}: ${(error as Error).message}`];
  }
}

interface Model {
  validate(): void;
  toJSON(): unknown;
}

/** The schemas let unknown fields pass; the types generated from them do not. */
function fieldFaults(objects: readonly KubernetesObject[]): string[] {
  const file = path.join(ROOT, 'test/kubernetes-objects.ts');
  const lines = objects.map(({ kind }, index) => {
    const type = `import('kubernetes-models/${MODELS[kind]}').I${kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(objects[index])};`;
  });
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, lines.join('\n'), ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
  const program = ts.createProgram([file], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ').replaceAll(/\s+/g, ' '));
}
