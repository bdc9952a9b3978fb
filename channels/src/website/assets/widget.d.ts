/** Types of the chat's script, see docs/widget.md. Use: `/// <reference path="./widget.d.ts" />`, or put it among your types. */

interface OpenlineIdentity {
  /** A JSON Web Token that your server has signed, see "Signed identity" in docs/widget.md. */
  token: string;
  name?: string;
  email?: string;
  phone?: string;
}

interface OpenlinePrefill {
  /** What stands in the message field, for the visitor to change and send. */
  text?: string;
  name?: string;
  email?: string;
  phone?: string;
  /** Own fields of the form before the conversation, by their keys. */
  fields?: Record<string, string | number>;
}

interface OpenlineNews {
  /** Messages that the visitor has not seen. */
  unread: number;
}

interface OpenlineEvents {
  /** The launcher is on the page. Who asks later is told at once. */
  ready: OpenlineNews;
  opened: OpenlineNews;
  closed: OpenlineNews;
  /** The visitor's first message is at the server. */
  started: OpenlineNews;
  /** A message of the visitor is at the server. */
  sent: OpenlineNews;
  /** A message for the visitor has come. */
  received: OpenlineNews;
  /** The number of unread messages has changed. */
  unread: OpenlineNews;
  rated: OpenlineNews & { good: boolean };
}

interface OpenlineChat {
  open(): void;
  close(): void;
  toggle(): void;
  /** Closes the chat and takes the launcher away; nothing is shown or counted until `show()`. */
  hide(): void;
  show(): void;
  /** Who the visitor is; null when they sign out: their session is over then, wherever its token is. */
  identify(identity: OpenlineIdentity | null): void;
  /** Ends the session of whoever is there, signed in or not, and forgets it in this browser. */
  shutdown(): void;
  page(data: Record<string, string | number | boolean>): void;
  prefill(values: OpenlinePrefill): void;
  /** How much further from its corner the launcher is, in pixels. */
  offset(pixels: { x?: number; y?: number }): void;
  /** Answers a function that ends it. */
  on<Name extends keyof OpenlineEvents>(event: Name, listener: (news: OpenlineEvents[Name]) => void): () => void;
  readonly unread: number;
}

type OpenlineCall = {
  [Name in keyof OpenlineChat]: OpenlineChat[Name] extends (...values: infer Values) => unknown ? [name: Name, ...values: Values] : never;
}[keyof OpenlineChat];

interface Window {
  Openline?: OpenlineChat;
  openline?: { (...call: OpenlineCall): unknown; q?: IArguments[] };
}
