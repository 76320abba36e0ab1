import { PatchedMetadataField, PatchedReferenceField } from './description-fields.ts';

/** Body of `PATCH /v1/connections/{id}`: a merge patch (RFC 7396). */
export class DescribeConnectionRequest {
  @PatchedReferenceField()
  reference?: string | null;

  @PatchedMetadataField()
  metadata?: Record<string, string | null> | null;
}
