import { SignupRequest } from '../embedded-signup.dto.ts';
import { IsCode } from '../request-fields.ts';

/** Body of `POST /connect/{token}/complete`. */
export class CompleteSignupRequest extends SignupRequest {
  @IsCode()
  code!: string;
}

export interface SignupResponse {
  redirect_to: string;
}
