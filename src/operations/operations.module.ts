import { Module } from '@nestjs/common';

/** What those who run the service look at. */
@Module({})
export class OperationsModule {}
