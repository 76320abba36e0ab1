import pg from 'pg';

export interface ResultColumn {
  name: string;
  /** The type's id in `pg_type`. */
  typeId: number;
}

/** The part of `pg`'s connection that a custom query may use. */
interface WireConnection {
  parse(query: { name: string; text: string; types: number[] }): void;
  describe(what: { type: 'S' | 'P'; name: string }): void;
  sync(): void;
}

/** Has Postgres parse a statement and say which columns it returns; nothing is run. */
class DescribeQuery implements pg.Submittable {
  #columns: ResultColumn[] = [];

  constructor(
    private readonly text: string,
    private readonly settle: (outcome: ResultColumn[] | Error) => void,
  ) {}

  submit(connection: unknown): void {
    const wire = connection as WireConnection;
    wire.parse({ name: '', text: this.text, types: [] });
    wire.describe({ type: 'S', name: '' });
    wire.sync();
  }

  handleRowDescription({ fields }: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, typeId: dataTypeID }));
  }

  handleParseComplete(): void {}

  handleError(error: Error): void {
    this.settle(error);
  }

  handleReadyForQuery(): void {
    this.settle(this.#columns);
  }
}

/** The columns that a statement returns, in order. Rejects with Postgres's error if it is not valid. */
export async function describeStatement(client: pg.Client, text: string): Promise<ResultColumn[]> {
  const outcome = await new Promise<ResultColumn[] | Error>((resolve) => {
    client.query(new DescribeQuery(text, resolve));
  });
  if (outcome instanceof Error) throw outcome;
  return outcome;
}
