export { type Command, type Exec, ExecError, type ExecErrorCode, exec, type Output } from "./exec.ts";
