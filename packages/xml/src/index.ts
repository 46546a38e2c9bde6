export { childText, type Element, elements, errorText, parseXmlDocument, type XmlError } from "./document.ts";
