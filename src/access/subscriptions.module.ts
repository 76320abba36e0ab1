import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.ts';
import { DeliveriesController } from './deliveries.controller.ts';
import { EventSchemasController } from './event-schemas.controller.ts';
import { SubscriptionsController } from './subscriptions.controller.ts';

/** The door to events out. */
@Module({
  imports: [EventsModule],
  controllers: [SubscriptionsController, DeliveriesController, EventSchemasController],
})
export class SubscriptionsModule {}
