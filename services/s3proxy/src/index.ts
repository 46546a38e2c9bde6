export { type ServiceFlags, startService } from "./service.ts";
