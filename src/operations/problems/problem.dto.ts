import { ApiProperty } from '@nestjs/swagger';

/** A problem, or a code in another field. */
export class ProblemResponse {
  @ApiProperty({ format: 'uri-reference', description: 'Path of this page', example: '/problems/reauth_required' })
  type!: string;

  @ApiProperty({ example: 'reauth_required' })
  code!: string;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'HTTP status; null: the code appears in another field, not in a problem response',
    example: 409,
  })
  status!: number | null;

  @ApiProperty({
    required: false,
    description: 'The field that carries the code, if it is not the code of a problem response',
    example: 'failure.code',
  })
  appears_in?: string;

  @ApiProperty({ example: 'Meta rejects the token of this connection. The user has to log in again.' })
  title!: string;

  @ApiProperty({ description: 'What to do', example: 'Send the user through a new connect session.' })
  remedy!: string;
}

export class ProblemListResponse {
  @ApiProperty({ type: [ProblemResponse] })
  data!: ProblemResponse[];
}
