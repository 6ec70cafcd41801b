// The parts of the bundled driver that its public types leave out (see command.ts and wholeErrors.ts).
declare module 'mongodb/lib/cmap/commands.js' {
  export class DocumentSequence {
    constructor(field: string);
    /** Returns the length of the sequence in bytes so far. `document` is kept for logs only. */
    push(document: object, bytes: Uint8Array): number;
  }
}

declare module 'mongodb/lib/cmap/wire_protocol/responses.js' {
  export class MongoDBResponse {
    get ok(): number;
    toObject: (this: MongoDBResponse, options?: { raw?: boolean }) => object;
  }
}
