import type { AttemptError } from '../subscribers/attempt.ts';

export const DELIVERY_STATUSES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Why a delivery failed: its last attempt's error, or its subscription ended first. */
export type DeliveryError = AttemptError | 'subscription_ended';
