import { FrameloomError, messageOf } from '../../../src/base/error.js';
import { API, type ApiError, type LiveFiles } from '../../../src/serve/page-api.js';

/** The server's own, beside the session: drawings and recordings. A page without a server has none. */
export class ServerApi {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param headers that say the token */
  constructor(base: string, headers: Readonly<Record<string, string>>) {
    this.#base = base;
    this.#headers = headers;
  }

  async listDrawings(): Promise<LiveFiles['files']> {
    const answer = await this.#ask('GET', API.drawings);
    return ((await answer.json()) as LiveFiles).files;
  }

  /**
   * @param name without `.png`
   * @throws FrameloomError exists where one of that name lies there and none is to be overwritten
   */
  async saveDrawing(name: string, png: Blob, overwrite: boolean): Promise<void> {
    const path = `${API.drawings}/${encodeURIComponent(name)}.png${overwrite ? '?overwrite=1' : ''}`;
    await this.#ask('PUT', path, png);
  }

  /** A file by its path. */
  async fetchFile(path: string): Promise<Blob> {
    return (await this.#ask('GET', path)).blob();
  }

  /** @param name as it was listed */
  openDrawing(name: string): Promise<Blob> {
    return this.fetchFile(`${API.drawings}/${encodeURIComponent(name)}`);
  }

  async deleteDrawing(name: string): Promise<void> {
    await this.#ask('DELETE', `${API.drawings}/${encodeURIComponent(name)}`);
  }

  async #ask(method: string, path: string, body?: Blob): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, this.#base), {
        method,
        headers: this.#headers,
        body: body ?? null,
      });
    } catch (error) {
      throw new FrameloomError('not-found', `the server does not answer: ${messageOf(error)}`, {
        hint: 'is frameloom live still running?',
        cause: error,
      });
    }
    if (answer.ok) return answer;
    throw await refusal(answer, path);
  }
}

/** What a server that refuses says is wrong. */
async function refusal(answer: Response, path: string): Promise<FrameloomError> {
  const text = await answer.text();
  try {
    const { error } = JSON.parse(text) as ApiError;
    const code = error.code === 'exists' ? 'exists' : 'bad-input';
    return new FrameloomError(
      code,
      error.message,
      error.hint === undefined ? {} : { hint: error.hint },
    );
  } catch {
    return new FrameloomError('not-found', `${path}: ${answer.status} ${answer.statusText}`);
  }
}
