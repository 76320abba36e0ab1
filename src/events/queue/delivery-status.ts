import { ATTEMPT_ERRORS } from '../subscribers/attempt.ts';

export const DELIVERY_STATUSES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Why a delivery failed: its last attempt's error, or its subscription ended first. */
export const DELIVERY_ERRORS = [...ATTEMPT_ERRORS, 'subscription_ended'] as const;
export type DeliveryError = (typeof DELIVERY_ERRORS)[number];
