// A small event source with the shape of vscode.Event, so that the stores work (and are tested) without the
// editor.

export interface Disposable {
  dispose(): void;
}
export type Event<T> = (listener: (value: T) => unknown) => Disposable;

export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => unknown>();

  readonly event: Event<T> = (listener) => {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  };

  fire(value: T): void {
    this.#listeners.forEach((listener) => listener(value));
  }

  dispose(): void {
    this.#listeners.clear();
  }
}

/** Calls `action` once, `delayMs` after the last request. */
export class Debounce {
  #timer: NodeJS.Timeout | undefined;
  constructor(
    private readonly action: () => void,
    private readonly delayMs: number,
  ) {}

  request(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.action, this.delayMs);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}

/** Calls `action` at once, and again at most every `intervalMs`: what is requested meanwhile comes at its end. */
export class Throttle {
  #timer: NodeJS.Timeout | undefined;
  #again = false;
  constructor(
    private readonly action: () => void,
    private readonly intervalMs: number,
  ) {}

  request(): void {
    if (this.#timer) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#again) this.request();
    }, this.intervalMs);
    this.action();
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}
