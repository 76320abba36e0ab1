import { Controller, Get, Header, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiResponse, ApiTags } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../auth/decorators.ts';
import { Config } from '../../config/config.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { signInMethodDisabled } from '../console-problems.ts';
import { serializeSessionCookie } from '../sessions/session-cookie.ts';
import { OpenIdError } from './open-id-error.ts';
import { OpenIdSignIn } from './openid.service.ts';
import { toReturnPath } from './return-path.ts';
import { SignInAttempts } from './sign-in-attempt.ts';

const LOCATION = { location: { description: 'Where the browser goes', schema: { type: 'string' as const } } };

/** Query of `GET /console/sign-in/oidc`. */
class OpenIdSignInRequest {
  @ApiPropertyOptional({ description: 'A page of the console, to return to', example: '/console/clients' })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  return_to?: string;

  @ApiPropertyOptional({ enum: ['true', 'false'], description: 'Whether the person must prove once more who they are' })
  @IsOptional()
  @IsIn(['true', 'false'])
  fresh?: 'true' | 'false';
}

/** Sends browsers to the identity provider and back. */
@ApiTags('console')
@Public()
@Controller('console/sign-in/oidc')
export class OpenIdController {
  constructor(
    private readonly signIn: OpenIdSignIn,
    private readonly attempts: SignInAttempts,
    private readonly config: Config,
  ) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'beginOpenIdSignIn',
    summary: 'Sign in to the console with the identity provider',
    description: 'For browsers: redirects to the identity provider of `CONSOLE_OIDC_ISSUER`.',
  })
  @ApiResponse({ status: 302, description: 'To the identity provider', headers: LOCATION })
  @ApiResponse({ status: 303, description: 'Back to the console with `sign_in_error`', headers: LOCATION })
  @ApiProblems(signInMethodDisabled)
  async begin(
    @Query() { return_to: given, fresh }: OpenIdSignInRequest,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const returnTo = toReturnPath(given);
    try {
      const { url, cookie } = await this.signIn.begin(request, { returnTo, isFresh: fresh === 'true' });
      reply.header('set-cookie', cookie).redirect(url, 302);
    } catch (error) {
      await this.fail(error, request, reply);
    }
  }

  @Get('callback')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'finishOpenIdSignIn',
    summary: 'Return from the identity provider',
    description:
      'For browsers: the redirect URI to register there. Starts the session, or reports to the console why not.',
  })
  @ApiResponse({ status: 303, description: 'To the console, without code and state', headers: LOCATION })
  @ApiProblems(signInMethodDisabled)
  async finish(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    try {
      const { token, returnTo } = await this.signIn.finish(request);
      reply
        .header('set-cookie', [serializeSessionCookie(token.expose()), this.attempts.expire()])
        .redirect(this.config.publicUrl + returnTo, 303);
    } catch (error) {
      await this.fail(error, request, reply);
    }
  }

  private async fail(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (!(error instanceof OpenIdError)) throw error;
    await this.signIn.reportFailure(error, request);
    reply
      .header('set-cookie', this.attempts.expire())
      .redirect(`${this.config.publicUrl}/console?sign_in_error=${error.code}`, 303);
  }
}
