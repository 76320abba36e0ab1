import { Module } from '@nestjs/common';
import { DeliveriesController } from '../deliveries/deliveries.controller.ts';
import { EventsModule } from '../events.module.ts';
import { EventSchemasController } from '../schemas/event-schemas.controller.ts';
import { SubscriptionsController } from './subscriptions.controller.ts';

/** The door to events out. */
@Module({
  imports: [EventsModule],
  controllers: [SubscriptionsController, DeliveriesController, EventSchemasController],
})
export class SubscriptionsModule {}
