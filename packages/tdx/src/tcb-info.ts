import { type DocumentKind, type JsonFields, readSignedAnswer } from "./json-fields.ts";
import { type IsvSvnLevel, readIsvSvnLevels, readTcbLevel, type TcbLevel } from "./tcb-level.ts";

/** What a TDX module must be (Intel PCS API v4, TCB info V3, tdxModule). */
export interface TdxModule {
  /** 48 bytes, compared with MRSIGNERSEAM. */
  readonly mrsigner: Uint8Array;
  /** 8 bytes, compared with SEAMATTRIBUTES where the mask has ones. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
}

/** A TDX module of one major version, and its levels, newest first. */
export interface TdxModuleIdentity extends TdxModule {
  /** "TDX_" and two digits, hexadecimal: the major version. */
  readonly id: string;
  readonly tcbLevels: readonly IsvSvnLevel[];
}

/** The least SVN of a component, and what the component is, for people. */
export interface TcbComponent {
  readonly svn: number;
  readonly category?: string;
  readonly type?: string;
}

/** A level of a platform. */
export interface PlatformTcbLevel extends TcbLevel {
  /** 16 components. */
  readonly sgxtcbcomponents: readonly TcbComponent[];
  readonly pcesvn: number;
  /** 16 components for TDX, none for SGX. */
  readonly tdxtcbcomponents: readonly TcbComponent[];
}

/** A parsed TCB info answer, version 3. Nothing in it is verified. */
export interface TcbInfo {
  /** The bytes that the signature covers. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly id: "SGX" | "TDX";
  readonly version: 3;
  readonly issueDate: Date;
  readonly nextUpdate: Date;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  readonly tcbType: 0;
  readonly tcbEvaluationDataNumber: number;
  /** Always there where the ID is "TDX". */
  readonly tdxModule?: TdxModule;
  readonly tdxModuleIdentities: readonly TdxModuleIdentity[];
  /** Newest first. */
  readonly tcbLevels: readonly PlatformTcbLevel[];
}

/** How many SVNs of either kind there are. */
const TCB_COMPONENTS = 16;

const KIND: DocumentKind = { name: "TCB info", code: "tcb_info_format" };
const MAX_COMPONENT_SVN = 0xff;
const MAX_PCE_SVN = 0xffff;

/**
 * Parses the body of the PCS answers Get SGX TCB Info and Get TDX TCB Info, version 3. Members that this version of the
 * package does not know are passed over: the PCS has added some without another version. Throws `TdxError`
 * "tcb_info_format".
 */
export function parseTcbInfo(bytes: Uint8Array): TcbInfo {
  const { fields, signed, signature } = readSignedAnswer(bytes, KIND, "tcbInfo");
  const version = fields.exactly("version", 3);
  const id = fields.oneOf("id", ["SGX", "TDX"]);
  const isTdx = id === "TDX";
  return {
    signed,
    signature,
    id,
    version,
    issueDate: fields.date("issueDate"),
    nextUpdate: fields.date("nextUpdate"),
    fmspc: fields.hex("fmspc", 6),
    pceId: fields.hex("pceId", 2),
    // The only composition of SVNs there is; what another means would not be known here.
    tcbType: fields.exactly("tcbType", 0),
    tcbEvaluationDataNumber: fields.count("tcbEvaluationDataNumber", Number.MAX_SAFE_INTEGER),
    ...(isTdx && { tdxModule: readTdxModule(fields.object("tdxModule")) }),
    tdxModuleIdentities: fields.has("tdxModuleIdentities")
      ? fields.objects("tdxModuleIdentities").map(readIdentity)
      : [],
    tcbLevels: fields.objects("tcbLevels").map((level) => readPlatformLevel(level, isTdx)),
  };
}

function readTdxModule(fields: JsonFields): TdxModule {
  return {
    mrsigner: fields.hex("mrsigner", 48),
    attributes: fields.hex("attributes", 8),
    attributesMask: fields.hex("attributesMask", 8),
  };
}

function readIdentity(fields: JsonFields): TdxModuleIdentity {
  return { id: fields.text("id"), ...readTdxModule(fields), tcbLevels: readIsvSvnLevels(fields) };
}

function readPlatformLevel(fields: JsonFields, isTdx: boolean): PlatformTcbLevel {
  const tcb = fields.object("tcb");
  return {
    sgxtcbcomponents: readComponents(tcb, "sgxtcbcomponents"),
    pcesvn: tcb.count("pcesvn", MAX_PCE_SVN),
    tdxtcbcomponents: isTdx ? readComponents(tcb, "tdxtcbcomponents") : [],
    ...readTcbLevel(fields),
  };
}

function readComponents(tcb: JsonFields, key: string): TcbComponent[] {
  return tcb.objects(key, TCB_COMPONENTS).map((component) => ({
    svn: component.count("svn", MAX_COMPONENT_SVN),
    ...(component.has("category") && { category: component.text("category") }),
    ...(component.has("type") && { type: component.text("type") }),
  }));
}
