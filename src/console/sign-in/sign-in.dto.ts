import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { INSTANT } from '../../platform/openapi/examples.ts';

const MAX_CREDENTIAL_LENGTH = 512;
/** Characters of which keys and links consist. */
const VISIBLE = /^[\x21-\x7e]+$/;
const VISIBLE_FORM = { message: 'must be visible ASCII without spaces' };

class OpenIdProviderResponse {
  @ApiProperty({ description: 'What the sign-in page calls it', example: 'id.example' })
  name!: string;
}

class SignInMethodsResponse {
  @ApiProperty({ description: 'Whether API keys can sign in, except those of services', example: false })
  key!: boolean;

  @ApiProperty({ description: 'Whether a link signs in: always', example: true })
  link!: boolean;

  @ApiProperty({
    type: OpenIdProviderResponse,
    nullable: true,
    description: 'The identity provider, by `GET /console/sign-in/oidc`; null: there is none',
  })
  oidc!: OpenIdProviderResponse | null;
}

/** Response of `GET /v1/console/sign-in`. */
export class SignInOptionsResponse {
  @ApiProperty()
  methods!: SignInMethodsResponse;
}

/** Body of `POST /v1/console/sessions`: one of the two. */
export class SignInRequestBody {
  @ApiPropertyOptional({ description: 'The API key of a client whose role is not `service`' })
  @IsOptional()
  @Matches(VISIBLE, VISIBLE_FORM)
  @MaxLength(MAX_CREDENTIAL_LENGTH)
  @IsString()
  key?: string;

  @ApiPropertyOptional({ description: 'What follows `#sign-in=` in a link' })
  @IsOptional()
  @Matches(VISIBLE, VISIBLE_FORM)
  @MaxLength(MAX_CREDENTIAL_LENGTH)
  @IsString()
  link?: string;
}

/** Response of `POST /v1/console/sign-in-links`. */
export class SignInLinkResponse {
  @ApiProperty({
    format: 'uri',
    description: 'Works once. Anyone who has it can sign in as an admin: protect it like a key.',
    example: 'https://vault.example/console#sign-in=msl_Zb2kq8fJx0uT5w3yR7nLcVd1mPs9hGe4aKtQoYi6XzE',
  })
  url!: string;

  @ApiProperty(INSTANT)
  expires_at!: string;
}
