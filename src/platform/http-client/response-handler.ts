import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import type { Cancellation } from '../cancellation.ts';
import { concatChunks } from '../read-stream.ts';

interface ReceivedResponse<Body> {
  status: number;
  headers: IncomingHttpHeaders;
  body: Body;
}

/** Receives the outcome of an exchange: exactly one call, once. */
interface Outcome {
  resolve(response: ReceivedResponse<Buffer> | ReceivedResponse<Readable>): void;
  reject(error: unknown): void;
}

/**
 * Receives a response from undici: in memory if it declares a short length, else as a stream. Skipping the stream saves
 * most of the cost of undici's `request`.
 */
export class ResponseHandler implements Dispatcher.DispatchHandler {
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #stream: ResponseStream | null = null;

  constructor(
    private readonly maxBufferedBytes: number,
    private readonly cancellation: Cancellation | null,
    private readonly outcome: Outcome,
  ) {}

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.cancellation?.setListener(() => controller.abort(new errors.RequestAbortedError()));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (Number(headers['content-length']) <= this.maxBufferedBytes || status === 204 || status === 304) return;
    this.#stream = new ResponseStream(controller);
    this.outcome.resolve({ status, headers, body: this.#stream });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream === null) this.#chunks.push(chunk);
    else if (!this.#stream.push(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#stream !== null) {
      this.#stream.push(null);
      return;
    }
    const body = concatChunks(this.#chunks);
    this.outcome.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#stream === null) this.outcome.reject(error);
    else this.#stream.destroy(error);
  }
}

/** Cancels the exchange if the reader stops early. */
class ResponseStream extends Readable {
  constructor(private readonly controller: Dispatcher.DispatchController) {
    super();
  }

  override _read(): void {
    this.controller.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.readableEnded) this.controller.abort(error ?? new errors.RequestAbortedError());
    done(error);
  }
}
