import { equalConstantTime } from "@constellation/bytes";
import { AtlsError, codeOf } from "./errors.ts";
import { type Frame, FrameReader, MAX_EVIDENCE_BYTES, MessageType, serializeFrame } from "./frame.ts";
import {
  checkPurpose,
  type Hello,
  type Mode,
  NONCE_BYTES,
  parseHello,
  parseRefused,
  type Role,
  serializeHello,
  serializeRefused,
} from "./messages.ts";
import { type Channel, reportData, type Transcript } from "./transcript.ts";

/** What a side brings to the handshake. */
export interface HandshakeOptions {
  readonly role: Role;
  readonly purpose: string;
  /** Whether this side sends evidence. */
  readonly mode: Mode;
  /** What the peer must declare; anything else is refused. */
  readonly peerMode: Mode;
  /** 32 fresh random bytes. */
  readonly nonce: Uint8Array;
  readonly channel: Channel;
}

/** What the driver of a handshake has to do next, in order. */
export type HandshakeEvent =
  /** Send these bytes to the peer. */
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** Issue evidence over this report data and call `issued()`. */
  | { readonly type: "issue"; readonly reportData: Uint8Array }
  /** Appraise this evidence and call `accept()`, or `fail()`. */
  | { readonly type: "appraise"; readonly evidence: Uint8Array; readonly reportData: Uint8Array }
  /** Both sides accepted: the socket is the application's, and `leftover` are its first bytes. */
  | { readonly type: "open"; readonly leftover: Uint8Array }
  /** It is over: close the socket. */
  | { readonly type: "fail"; readonly error: AtlsError };

/** The message that the peer owes us next. Each side sends HELLO, EVIDENCE if attesting, and last its verdict. */
type Awaited = "hello" | "evidence" | "verdict" | "nothing";

const NOT_ACCEPTED = "the evidence was not accepted";

/** Failures after which the peer is told nothing: it is gone, or it has spoken its last word. */
const SILENT = new Set(["peer-refused", "closed"]);

/**
 * The exchange of evidence over an established TLS connection, as a state machine without I/O: bytes and decisions go
 * in, {@link HandshakeEvent}s come out. It opens only when both sides said ACCEPTED (rule T1). After a failure every
 * input is ignored.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #frames = new FrameReader();
  #outcome: "running" | "open" | "failed" = "running";
  #awaited: Awaited = "hello";
  #transcript: Transcript | undefined;
  #evidenceSent: boolean;
  #peerAppraised = false;
  #verdictSent = false;

  /** @throws RangeError when the options can't belong to a handshake */
  constructor(options: HandshakeOptions) {
    checkPurpose(options.purpose);
    if (options.nonce.length !== NONCE_BYTES) {
      throw new RangeError(
        `Start handshake failed: got a nonce of ${options.nonce.length} bytes, wanted ${NONCE_BYTES}`,
      );
    }
    if (options.channel.exporter.length < 32) {
      throw new RangeError(
        `Start handshake failed: got an exporter value of ${options.channel.exporter.length} bytes, wanted 32 or more`,
      );
    }
    if (options.mode === "anonymous" && options.peerMode === "anonymous") {
      throw new RangeError("Start handshake failed: got two anonymous sides, wanted at least one that attests");
    }
    this.#options = options;
    this.#evidenceSent = options.mode === "anonymous";
  }

  /** "running" until the handshake is either "open" or "failed". */
  get outcome(): "running" | "open" | "failed" {
    return this.#outcome;
  }

  /** Says HELLO. Call it once, first. */
  start(): HandshakeEvent[] {
    const { role, mode, purpose, nonce } = this.#options;
    return [send(MessageType.hello, serializeHello({ role, mode, purpose, nonce }))];
  }

  /** Takes bytes from the peer. */
  receive(bytes: Uint8Array): HandshakeEvent[] {
    if (this.#outcome === "open") throw alreadyOpen();
    return this.#guarded(() => {
      this.#frames.push(bytes);
      return this.#drain();
    });
  }

  /** The peer closed its side of the connection. */
  end(): HandshakeEvent[] {
    const wanted = this.#awaited === "nothing" ? "our own verdict" : `the peer's ${this.#awaited}`;
    return this.fail(new AtlsError("closed", `Attest peer failed: got end of connection, wanted ${wanted}`));
  }

  /** Takes the evidence that the "issue" event asked for. */
  issued(evidence: Uint8Array): HandshakeEvent[] {
    return this.#guarded(() => {
      if (this.#transcript === undefined || this.#evidenceSent) throw misplaced("evidence of our own", "none now");
      if (evidence.length === 0 || evidence.length > MAX_EVIDENCE_BYTES) {
        const wanted = `wanted 1 to ${MAX_EVIDENCE_BYTES}`;
        throw new AtlsError("issue-failed", `Issue evidence failed: got ${evidence.length} bytes, ${wanted}`);
      }
      this.#evidenceSent = true;
      return [send(MessageType.evidence, evidence), ...this.#verdict()];
    });
  }

  /** The evidence of the "appraise" event is accepted. */
  accept(): HandshakeEvent[] {
    return this.#guarded(() => {
      if (this.#awaited === "hello" || this.#awaited === "evidence" || this.#peerAppraised) {
        throw misplaced("a verdict of our own", "none now");
      }
      this.#peerAppraised = true;
      return this.#verdict();
    });
  }

  /** Ends the handshake from our side, for example because the appraiser refused or time is up. */
  fail(error: AtlsError): HandshakeEvent[] {
    if (this.#outcome !== "running") return [];
    this.#outcome = "failed";
    const failed: HandshakeEvent = { type: "fail", error };
    if (SILENT.has(error.code)) return [failed];
    return [send(MessageType.refused, serializeRefused({ code: error.code, text: refusalText(error) })), failed];
  }

  #guarded(step: () => HandshakeEvent[]): HandshakeEvent[] {
    if (this.#outcome !== "running") return [];
    try {
      return step();
    } catch (error) {
      if (!(error instanceof AtlsError)) throw error;
      return this.fail(error);
    }
  }

  #drain(): HandshakeEvent[] {
    const events: HandshakeEvent[] = [];
    while (this.#outcome === "running") {
      if (this.#awaited === "nothing") this.#refuseEarlyData();
      const frame = this.#frames.next();
      if (frame === undefined) return events;
      events.push(...this.#take(frame));
    }
    return events;
  }

  /** Whoever sends more after its ACCEPTED must have ours already; only a REFUSED may still follow, if it gives up on us. */
  #refuseEarlyData(): void {
    if (this.#frames.sizeBytes === 0 || this.#frames.firstByte === MessageType.refused) return;
    const got = `got ${this.#frames.sizeBytes} application bytes before the peer was accepted`;
    throw new AtlsError("early-data", `Attest peer failed: ${got}, wanted none`);
  }

  #take({ type, body }: Frame): HandshakeEvent[] {
    if (type === MessageType.refused) return this.#takeRefused(body);
    if (type === MessageType.hello && this.#awaited === "hello") return this.#takeHello(parseHello(body));
    if (type === MessageType.evidence && this.#awaited === "evidence") return this.#takeEvidence(body);
    // A peer can't have appraised evidence that we have not sent.
    if (type === MessageType.accepted && this.#awaited === "verdict" && this.#evidenceSent) return this.#takeAccepted();
    throw misplaced(`message type "${type}"`, `the peer's ${this.#awaited}`);
  }

  #takeHello(hello: Hello): HandshakeEvent[] {
    this.#checkHello(hello);
    const { role, mode, purpose, nonce, channel } = this.#options;
    const [client, server] = role === "client" ? [{ mode, nonce }, hello] : [hello, { mode, nonce }];
    this.#transcript = {
      ...channel,
      purpose,
      clientNonce: client.nonce,
      serverNonce: server.nonce,
      clientMode: client.mode,
      serverMode: server.mode,
    };
    const events: HandshakeEvent[] = [];
    if (mode === "attesting") events.push({ type: "issue", reportData: reportData(this.#transcript, role) });
    if (hello.mode === "attesting") {
      this.#awaited = "evidence";
      return events;
    }
    this.#awaited = "verdict";
    this.#peerAppraised = true;
    return [...events, ...this.#verdict()];
  }

  #checkHello(hello: Hello): void {
    const { role, purpose, peerMode, nonce, channel } = this.#options;
    const peerRole: Role = role === "client" ? "server" : "client";
    if (hello.role !== peerRole) throw mismatch("role-mismatch", "role", hello.role, peerRole);
    if (hello.purpose !== purpose) throw mismatch("purpose-mismatch", "purpose", hello.purpose, purpose);
    if (hello.mode !== peerMode) throw mismatch("mode-mismatch", "mode", hello.mode, peerMode);
    if (equalConstantTime(hello.nonce, nonce)) throw mismatch("reflected", "nonce", "our own", "another");
    if (equalConstantTime(channel.clientPublicKey, channel.serverPublicKey)) {
      throw mismatch("reflected", "public key", "our own", "another");
    }
  }

  #takeEvidence(evidence: Uint8Array): HandshakeEvent[] {
    if (evidence.length === 0) throw new AtlsError("malformed", "Read EVIDENCE failed: got 0 bytes, wanted at least 1");
    this.#awaited = "verdict";
    const peerRole: Role = this.#options.role === "client" ? "server" : "client";
    return [{ type: "appraise", evidence, reportData: reportData(this.#transcript!, peerRole) }];
  }

  #takeAccepted(): HandshakeEvent[] {
    this.#awaited = "nothing";
    return this.#openWhenBothAccepted();
  }

  #takeRefused(body: Uint8Array): HandshakeEvent[] {
    const { code, text } = parseRefused(body);
    throw new AtlsError("peer-refused", `Attest to peer failed: it refused with "${code}": "${text}"`, {
      peerCode: code,
      peerText: text,
      peerReason: reasonIn(text),
    });
  }

  /** Our verdict is our last message: it waits for our own evidence. */
  #verdict(): HandshakeEvent[] {
    if (!this.#peerAppraised || !this.#evidenceSent) return [];
    this.#verdictSent = true;
    return [send(MessageType.accepted, new Uint8Array(0)), ...this.#openWhenBothAccepted()];
  }

  #openWhenBothAccepted(): HandshakeEvent[] {
    if (!this.#verdictSent || this.#awaited !== "nothing") return [];
    this.#outcome = "open";
    return [{ type: "open", leftover: this.#frames.rest() }];
  }
}

function send(type: MessageType, body: Uint8Array): HandshakeEvent {
  return { type: "send", bytes: serializeFrame({ type, body }) };
}

function mismatch(
  code: "role-mismatch" | "purpose-mismatch" | "mode-mismatch" | "reflected",
  what: string,
  got: string,
  wanted: string,
): AtlsError {
  return new AtlsError(code, `Attest peer failed: got ${what} "${got}", wanted "${wanted}"`);
}

function misplaced(got: string, wanted: string): AtlsError {
  return new AtlsError("unexpected-message", `Attest peer failed: got ${got}, wanted ${wanted}`);
}

function alreadyOpen(): AtlsError {
  return new AtlsError("already-open", "Attest peer failed: got handshake input on an open connection, wanted none");
}

/** The appraiser's code in the text of a refused peer, see {@link refusalText}. */
function reasonIn(text: string): string | undefined {
  const prefix = `${NOT_ACCEPTED}: `;
  return text.startsWith(prefix) ? codeOf({ code: text.slice(prefix.length) }) : undefined;
}

/** What the peer may read: for the two failures with foreign causes their code only, for all others our own words. */
function refusalText(error: AtlsError): string {
  const causeCode = codeOf(error.cause);
  const suffix = causeCode === undefined ? "" : `: ${causeCode}`;
  if (error.code === "evidence-refused") return `${NOT_ACCEPTED}${suffix}`;
  if (error.code === "issue-failed") return "the evidence could not be issued";
  return error.message;
}
