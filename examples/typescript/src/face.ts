/** Calls to the plain face of an interim server by JSON over HTTP (docs/BUSINESS.md §2). */

/** A refusal of the face: application/problem+json with a reason of the protocol. */
export class Problem extends Error {
  constructor(
    readonly reason: string,
    readonly retryable: boolean,
  ) {
    super(reason);
  }
}

const TRIES = 4;
const PAUSE = 200;

export class Face {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /** What comes of a call. What fails for a while is sent again, unchanged. */
  async call<Said>(method: "GET" | "POST", path: string, body?: object): Promise<Said> {
    for (let left = TRIES; ; left--) {
      try {
        return (await this.once(method, path, body)) as Said;
      } catch (error) {
        if (left === 0 || (error instanceof Problem && !this.mayPass(error))) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  protected mayPass(problem: Problem): boolean {
    return problem.retryable;
  }

  protected async once(method: string, path: string, body?: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const response = await fetch(new URL(path, this.url), { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    const said = (await response.json()) as { reason?: string; retryable?: boolean };
    if (!response.ok) throw new Problem(said.reason ?? `HTTP ${response.status}`, said.retryable ?? false);
    return said;
  }
}
