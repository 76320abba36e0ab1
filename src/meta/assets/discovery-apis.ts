import { Injectable } from '@nestjs/common';
import { DiscoveryApi } from './discovery-api.ts';
import { WhatsappApi } from './whatsapp-api.ts';

/** Everything that discovery asks Meta with, by what is asked for. */
@Injectable()
export class DiscoveryApis {
  constructor(
    readonly user: DiscoveryApi,
    readonly whatsapp: WhatsappApi,
  ) {}
}
