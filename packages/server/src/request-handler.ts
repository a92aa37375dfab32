import type { ControlMessage } from '@sealane/protocol';
import { isSealaneError, MessageKind, RelayCode, relayError, SealaneError } from '@sealane/types';
import type { AdmissionGate } from './admission-gate.js';
import type { ConnectionHandler } from './connection-handler.js';
import type { RefusalStage } from './event.js';
import type { LeaseHandler } from './lease-handler.js';
import type { LeaseManager } from './lease-manager.js';
import type { RelayLink } from './link.js';
import type { ListHandler } from './list-handler.js';
import type { UsagePolicy } from './policy/usage-policy.js';
import type { RelayConfig } from './relay-config.js';
import { wireRefusal } from './wire-refusal.js';

export interface RequestHandlerParts {
  readonly usage: UsagePolicy;
  readonly gate: AdmissionGate;
  readonly leases: LeaseManager;
  readonly leaseHandler: LeaseHandler;
  readonly listHandler: ListHandler;
  readonly connections: ConnectionHandler;
}

/** Requests of clients on stream 0: each gets one answer, or an ERROR with its number (v1.md, "Control messages"). */
export class RequestHandler {
  readonly #config: RelayConfig;
  readonly #parts: RequestHandlerParts;

  constructor(config: RelayConfig, parts: RequestHandlerParts) {
    this.#config = config;
    this.#parts = parts;
  }

  receive(link: RelayLink, message: ControlMessage): void {
    const { reporter } = this.#config;
    const request = 'request' in message ? message.request : 0;
    this.#config.meter.countRequest(message.kind);
    const tooFast = this.#parts.usage.ask(link, message.kind);
    if (tooFast !== undefined) {
      reporter.refused(RelayCode.BUSY, stageOf(message));
      link.refuse(request, tooFast);
      link.strike();
      return;
    }
    this.#answer(link, message).catch((error: unknown) => {
      const known = isSealaneError(error) ? error : new SealaneError('ERR_INTERNAL', undefined, { cause: error });
      const { code } = wireRefusal(known);
      if (code === RelayCode.INTERNAL) reporter.event({ type: 'fault', code: known.code, message: String(error) });
      reporter.refused(code, stageOf(message));
      link.refuse(request, known);
    });
  }

  async #answer(link: RelayLink, message: ControlMessage): Promise<void> {
    const { kind } = message;
    const { gate } = this.#parts;
    if (kind === MessageKind.PRESENT) return await gate.present(link, message);
    if (kind === MessageKind.LOOKUP || kind === MessageKind.LIST) await gate.assertDialer(link);
    if (kind === MessageKind.LOOKUP) return await this.#parts.connections.lookup(link, message);
    if (kind === MessageKind.LIST) return await this.#parts.listHandler.list(link, message);
    if (kind === MessageKind.REGISTER) {
      if (this.#parts.connections.isDraining) throw relayError(RelayCode.DRAINING);
      return await this.#parts.leaseHandler.register(link, message);
    }
    if (kind === MessageKind.RENEW) {
      await gate.admitRenewal(link, message.service);
      const { ttlMs } = await this.#parts.leases.renew(link, message.service, message.sequence);
      return link.send({ kind: MessageKind.RENEWED, request: message.request, ttlMs });
    }
    if (kind === MessageKind.RELEASE) {
      await this.#parts.leases.release(link, message.service, message.sequence);
      return link.send({ kind: MessageKind.RELEASED, request: message.request });
    }
    throw relayError(RelayCode.MALFORMED, 'a client does not send this message');
  }
}

function stageOf({ kind }: ControlMessage): RefusalStage {
  return kind === MessageKind.LOOKUP || kind === MessageKind.LIST ? 'lookup' : 'lease';
}
