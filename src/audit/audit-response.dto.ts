import { ApiProperty } from '@nestjs/swagger';
import { PRODUCTS } from '../config/products.ts';
import type { Id } from '../platform/ids.ts';
import { exampleId, INSTANT } from '../platform/openapi/examples.ts';
import { ACTOR_KINDS, type Actor } from './actor.ts';
import type { AuditEntryRow } from './audit-entry.query.ts';
import { ANCHOR_VERDICTS, type AnchorVerdict, type ChainAnchor, formatAnchor } from './chain/chain-anchor.ts';
import { CHAIN_FAULT_KINDS, type ChainFaultKind } from './chain/chain-fault.ts';
import type { ChainVerification } from './chain/chain-verifier.ts';
import type { AuditEntryId } from './ids.ts';

const EXAMPLE_MAC = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

class ActorResponse {
  @ApiProperty({ enum: ACTOR_KINDS })
  kind!: Actor['kind'];

  @ApiProperty({ type: String, nullable: true, example: exampleId('cli') })
  id!: string | null;
}

export class AuditEntryResponse implements Omit<AuditEntryRow, 'at' | 'actor_kind' | 'actor_id'> {
  @ApiProperty({ type: String, example: exampleId('aud') })
  id!: AuditEntryId;

  @ApiProperty(INSTANT)
  at!: string;

  @ApiProperty({ description: 'What was done. Later versions add actions.', example: 'lease.issued' })
  action!: string;

  @ApiProperty({ description: 'Who did it' })
  actor!: ActorResponse;

  @ApiProperty({ type: String, nullable: true, example: 'acme' })
  tenant!: string | null;

  @ApiProperty({ type: String, nullable: true, example: PRODUCTS[0] })
  product!: string | null;

  @ApiProperty({ type: String, nullable: true, example: exampleId('con') })
  connection_id!: Id<'con'> | null;

  @ApiProperty({ type: String, nullable: true, description: 'The object it was done to', example: exampleId('lse') })
  subject_id!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The X-Request-Id', example: exampleId('req') })
  request_id!: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'What else belongs to the action. Never a secret.',
    example: { mode: 'gateway', ttl_seconds: 900 },
  })
  details!: Record<string, unknown>;
}

class MissingObjectsResponse {
  @ApiProperty({ description: 'The kind of objects', example: 'lease' })
  kind!: string;

  @ApiProperty({ type: 'integer', example: 2 })
  count!: number;

  @ApiProperty({ description: 'Id of the first one', example: exampleId('lse') })
  first!: string;
}

class ChainFaultResponse {
  @ApiProperty({ enum: CHAIN_FAULT_KINDS })
  kind!: ChainFaultKind;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Position of the first link, from 1; null if the fault has none',
    example: 41,
  })
  from!: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Position of the last link', example: 43 })
  to!: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'The first affected entry', example: exampleId('aud') })
  entry_id!: AuditEntryId | null;

  @ApiProperty({ required: false, description: 'For `record_missing`: the objects that no entry names' })
  objects?: MissingObjectsResponse;
}

class FirstFaultResponse {
  @ApiProperty({ enum: CHAIN_FAULT_KINDS })
  reason!: ChainFaultKind;

  @ApiProperty({ type: 'integer', nullable: true, example: 41 })
  position!: number | null;

  @ApiProperty({ type: String, nullable: true, example: exampleId('aud') })
  entry_id!: AuditEntryId | null;
}

export class ChainVerificationResponse {
  @ApiProperty({ description: 'Whether the record is whole and unchanged' })
  valid!: boolean;

  @ApiProperty({ type: 'integer', example: 1204 })
  entries!: number;

  @ApiProperty({ type: String, nullable: true, description: 'MAC of the newest link, in hex', example: EXAMPLE_MAC })
  head!: string | null;

  @ApiProperty({ type: 'integer', required: false, description: 'How many entries were pruned. Absent if none.' })
  pruned_entries?: number;

  @ApiProperty({
    type: 'integer',
    required: false,
    description: 'How many entries are not linked yet. Absent if none.',
  })
  unlinked_entries?: number;

  @ApiProperty({ type: [ChainFaultResponse], description: 'In chain order, at most 100' })
  faults!: ChainFaultResponse[];

  @ApiProperty({ required: false, description: 'The first fault' })
  broken_at?: FirstFaultResponse;

  @ApiProperty({
    enum: ANCHOR_VERDICTS,
    required: false,
    description: 'With `?anchor=`: whether the record still contains what was anchored, or why not',
  })
  anchor?: AnchorVerdict;
}

/** Response of `GET /v1/audit/anchor`. */
export class AnchorResponse implements ChainAnchor {
  @ApiProperty({
    description: 'The other fields in one string, for `GET /v1/audit/verify?anchor=`',
    example: `1204.${EXAMPLE_MAC}.${EXAMPLE_MAC}`,
  })
  anchor!: string;

  @ApiProperty({ type: 'integer', description: 'Length of the chain', example: 1204 })
  entries!: number;

  @ApiProperty({ description: 'MAC of the link at that position, in hex', example: EXAMPLE_MAC })
  head!: string;

  @ApiProperty({ description: 'Proves that this service made the anchor', example: EXAMPLE_MAC })
  seal!: string;

  @ApiProperty(INSTANT)
  taken_at!: string;
}

export function toAnchorResponse(anchor: ChainAnchor, takenAt: Date): AnchorResponse {
  return { anchor: formatAnchor(anchor), ...anchor, taken_at: takenAt.toISOString() };
}

export function toAuditEntryResponse({ actor_kind, actor_id, at, ...row }: AuditEntryRow): AuditEntryResponse {
  return { ...row, at: at.toISOString(), actor: { kind: actor_kind, id: actor_id } };
}

/** `anchor`: the verdict on the given anchor. Any other than `holds` makes the record invalid. */
export function toChainVerificationResponse(
  { valid, entries, prunedEntries, unlinkedEntries, head, faults, firstFault }: ChainVerification,
  anchor?: AnchorVerdict,
): ChainVerificationResponse {
  return {
    valid: valid && (anchor === undefined || anchor === 'holds'),
    entries,
    head,
    ...(prunedEntries === 0 ? {} : { pruned_entries: prunedEntries }),
    ...(unlinkedEntries === 0 ? {} : { unlinked_entries: unlinkedEntries }),
    faults: faults.map(({ kind, from, to, entryId, objects }) => ({
      kind,
      from,
      to,
      entry_id: entryId,
      ...(objects === undefined ? {} : { objects }),
    })),
    ...(firstFault === null
      ? {}
      : { broken_at: { reason: firstFault.reason, position: firstFault.position, entry_id: firstFault.entryId } }),
    ...(anchor === undefined ? {} : { anchor }),
  };
}
