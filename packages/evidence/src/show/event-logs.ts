import { hex } from "@constellation/bytes";
import { describeEvent, type EventLog, eventTypeName, isMeasured, replay } from "@constellation/eventlog";
import type { Json } from "@constellation/fields";

/** The events of a log in words, and the register values that it leads to. Nothing vouches for either. */
export function showEventLog(log: EventLog): Json {
  const banks = log.algorithms.map(({ bank }) => bank);
  return {
    banks,
    registers: Object.fromEntries(
      banks.map((bank) => [bank, Object.fromEntries(Array.from(replay(log, bank), ([i, value]) => [i, hex(value)]))]),
    ),
    events: log.events.map((event) => {
      const { number, pcrIndex, eventType, digests } = event;
      return {
        number,
        register: pcrIndex,
        type: eventTypeName(eventType),
        measured: isMeasured(event),
        description: describeEvent(event),
        digests: Object.fromEntries(Array.from(digests, ([bank, digest]) => [bank, hex(digest)])),
      };
    }),
  };
}
