// Offsets as lines and columns, both from 0.

export class Lines {
  readonly #starts: number[] = [0];

  constructor(readonly text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  lineOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  columnOf(offset: number): number {
    return offset - this.startOf(this.lineOf(offset));
  }

  startOf(line: number): number {
    return this.#starts[line] ?? this.text.length;
  }

  lineText(line: number): string {
    return this.text.slice(this.startOf(line), this.startOf(line + 1)).replace(/\r?\n$/, '');
  }

  /** Whether nothing but space stands before an offset in its line. */
  isFirst(offset: number): boolean {
    return this.text.slice(this.startOf(this.lineOf(offset)), offset).trim() === '';
  }
}
