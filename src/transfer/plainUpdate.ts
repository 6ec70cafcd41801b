// What fastUpdate.ts makes of an answer: the update of a statement and the journal's patch as two pieces of one buffer.
import { BsonType, objectValue, type RawValue } from './raw';
import { nameBytes, type RawWriter } from './writer';

const updateName = nameBytes('u');

/** An update and the patch that goes with it, one behind the other in a buffer: views of them would be too many. */
export class PlainUpdate {
  readonly kind = 'update';
  readonly patch = undefined;

  constructor(
    private readonly buffer: Buffer,
    private readonly from: number,
    private readonly middle: number,
    private readonly to: number,
  ) {}

  get u(): RawValue {
    return objectValue(this.buffer.subarray(this.from, this.middle));
  }

  get encodedPatch(): Buffer {
    return this.buffer.subarray(this.middle, this.to);
  }

  get patchSize(): number {
    return this.to - this.middle;
  }

  /** Puts the update into a statement. */
  writeUpdate(writer: RawWriter): void {
    writer.named(BsonType.object, updateName);
    writer.copy(this.buffer, this.from, this.middle);
  }

  writePatch(writer: RawWriter): void {
    writer.copy(this.buffer, this.middle, this.to);
  }
}
