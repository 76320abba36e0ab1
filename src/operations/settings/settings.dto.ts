import { ApiProperty } from '@nestjs/swagger';

/** Groups of settings, as in `.env.example`. */
const SETTING_GROUPS = ['listening', 'keys', 'console', 'database', 'meta', 'access', 'pages', 'schedules'] as const;

class SettingResponse {
  @ApiProperty({ enum: SETTING_GROUPS })
  group!: (typeof SETTING_GROUPS)[number];

  @ApiProperty({ description: 'The environment variable', example: 'PUBLIC_URL' })
  name!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The value in effect, or "set" where the value would reveal too much; null: not set, or a secret',
    example: 'https://metavault.example',
  })
  value!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'For a secret: a keyed hash, equal for equal values within this installation and meaningless elsewhere; null: not a secret, or not set',
    example: '5f3a91c07be2',
  })
  fingerprint!: string | null;
}

class MetaVersionResponse {
  @ApiProperty({ description: 'The version that is asked for', example: 'v26.0' })
  version!: string;

  @ApiProperty({
    type: String,
    format: 'date',
    nullable: true,
    description: 'From this day Meta serves another version instead; null: no end is known',
    example: null,
  })
  ends_on!: string | null;

  @ApiProperty({
    type: String,
    format: 'date',
    nullable: true,
    description: 'The same for the Marketing API, which ends earlier',
    example: null,
  })
  marketing_ends_on!: string | null;

  @ApiProperty({ description: 'Whether it has ended' })
  is_over!: boolean;
}

/** Response of `GET /v1/settings`. */
export class SettingsResponse {
  @ApiProperty({ enum: ['development', 'production', 'test'] })
  environment!: 'development' | 'production' | 'test';

  @ApiProperty({ description: 'Of Node.js', example: 'v24.11.0' })
  node_version!: string;

  @ApiProperty()
  meta_version!: MetaVersionResponse;

  @ApiProperty({ type: [String], description: 'What should be corrected, beginning with the variable', example: [] })
  warnings!: string[];

  @ApiProperty({ type: [SettingResponse] })
  settings!: SettingResponse[];
}
