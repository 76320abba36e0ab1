import { ApiProperty } from '@nestjs/swagger';

/** Response of `POST /webhooks/meta`. */
export class WebhookReceivedResponse {
  @ApiProperty({ type: Boolean, enum: [true] })
  success!: true;
}
