"""What the METADATA.XML of an XDM package says in attributes and texts, found by a walk that knows nothing of how it is read, and
whether the answer of `directctl parse` says it too, in the place where it belongs: of an ExtrinsicObject beside its document, of all
else in the document object.

Each value must be told as often as it stands there. What is meant not to be told is named here, with the reason.
"""
import collections
import xml.etree.ElementTree as ElementTree

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
UUID = "urn:uuid:"
# A scheme is told by the name of the member that holds the code or identifier.
SCHEMES = {UUID + uuid for uuid in (
    "41a5887f-8865-4c09-adf7-e362475b143a", "f0306f51-975f-434e-a61c-c59651d33983", "a09d5840-386c-46f2-b5ad-9c3699a4309d",
    "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "cccf5598-8b07-4b77-a05e-ae952c785ead", "f4f85eac-e6cb-4883-b524-f2705394840f",
    "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", "aa543740-bdda-424e-8c96-df4873be8500", "1ba97051-7806-41a8-a48b-8fce7af683c5",
    "abd807a3-4432-4053-87b4-fd82c643d1f3", "93606bcf-9494-43ec-9b4e-a7748d1a838d", "a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d",
    "58a6f841-87b3-4a3e-92fd-a8ffeff98427", "2e82c1f6-a085-4c72-9da3-8640a32e42ab", "6b5aea1a-874d-4603-a4bc-96a0a7b38446",
    "96fdda7c-d067-4183-912e-bf5ee74998a8", "554ac39e-e3fe-47fe-b233-965d2a147832", "f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a",
    "75df8f67-9973-4fbe-a900-df66cefecc5a")}
# What a package is, is told by the list it stands in; limited metadata by a member of that name.
NODES = {UUID + uuid for uuid in (
    "a54d6aa5-d40d-43f9-88c5-b4633d873bdd", "d9d542f3-6cc4-48b6-8870-ea235fbc94c2", "ab9b591b-83ab-4d03-8f5d-f93b1fb92e85",
    "5003a9db-8d8d-49e6-bf0c-990e34ac7707", "2c144a76-29a9-4b7c-af54-b25409fe7d03")}
# An ObjectRef to a fixed name of the specification only says that it is used: these and the two object types of documents.
FIXED = SCHEMES | NODES | {UUID + "7edca82f-054d-47f2-a032-9b2a5b5186c1", UUID + "34268e47-fdf5-41a6-ba33-82133c465248"}
# A slot with a member of its own is told by that name.
SLOTS = {"creationTime", "languageCode", "serviceStartTime", "serviceStopTime", "sourcePatientId", "sourcePatientInfo",
         "legalAuthenticator", "repositoryUniqueId", "documentAvailability", "URI", "hash", "size", "submissionTime",
         "intendedRecipient", "lastUpdateTime", "authorPerson", "authorInstitution", "authorRole", "authorSpecialty",
         "authorTelecommunication", "codingScheme", "SubmissionSetStatus", "NewStatus", "OriginalStatus", "PreviousVersion"}
PARTS = {"Classification", "ExternalIdentifier"}
# The names of these are told by members and lists; any other must be told as part of a path.
ELEMENTS = PARTS | {"SubmitObjectsRequest", "RegistryObjectList", "LeafRegistryObjectList", "ExtrinsicObject", "RegistryPackage",
                    "Association", "ObjectRef", "Slot", "ValueList", "Value", "Name", "Description", "LocalizedString",
                    "VersionInfo", "RequestSlotList", "ProvideAndRegisterDocumentSetRequest"}
LABELS = {"%s.%s" % (of, name) for of in ("XDSDocumentEntry", "XDSSubmissionSet", "XDSFolder")
          for name in ("patientId", "uniqueId", "sourceId")}


def local(name):
    return name.rsplit("}", 1)[-1]


def normal(text):
    """Without the blanks around it, and unescaped once more: one writer of packages escapes twice."""
    return " ".join((text or "").split()).replace("&amp;", "&")


def is_meant_to_be_left(name, value, element, parents, referred, ids):
    """Whether an attribute says nothing that the answer does not say by its form."""
    of = local(element.tag)
    parent = parents[-1] if parents else None
    if name == LANG:  # the schema's default
        return value.lower() == "en-us"
    if name == "charset":  # the schema's default
        return value.lower() == "utf-8"
    if name == "isOpaque":  # the schema's default
        return value == "false"
    if name == "lid":  # an object whose logical id is its id
        return value == element.get("id")
    if of == "ObjectRef" and name == "id":
        return value.lower() in FIXED
    if of == "Slot" and name == "name":
        return value in SLOTS
    if of == "LocalizedString" and name == "value" and len(parents) > 1:  # a name the specification fixes
        return local(parents[-2].tag) == "ExternalIdentifier" and value in LABELS
    if of not in PARTS:
        return False
    if name == "id":  # inside the request, and nothing refers to it
        return value not in referred
    if name in ("classifiedObject", "registryObject"):  # told by the object it is told in
        return value in ids or (parent is not None and value == parent.get("id"))
    if name == "objectType":  # what the element's name says
        return value == "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:" + of
    if name in ("classificationScheme", "identificationScheme"):
        return value.lower() in SCHEMES | NODES
    return name == "classificationNode" and value.lower() in NODES


class Raw:
    """What a metadata file says: values with how often, by place (id of a document, None: everywhere else), and the names of
    elements nobody knows."""

    def __init__(self, xml, by_place):
        self.by_place = by_place
        self.values = collections.defaultdict(collections.Counter)
        self.names = collections.defaultdict(set)
        root = ElementTree.fromstring(xml)
        self.ids = {e.get("id") for e in root.iter() if local(e.tag) in ("ExtrinsicObject", "RegistryPackage", "Association")}
        # Of several objects with one id the first has what stands apart.
        self.referred = {e.get(name) for e in root.iter() for name in
                         ("sourceObject", "targetObject", "classifiedObject", "registryObject")}
        self.referred |= {e.get("id") for e in root.iter() if local(e.tag) == "ObjectRef"}
        self.documents = {e.get("id") for e in root.iter() if local(e.tag) == "ExtrinsicObject"}
        self.take(root, [], None)

    def place_of(self, element, parents, place):
        name = local(element.tag)
        if not self.by_place:
            return None
        if place is None and name == "ExtrinsicObject":
            return element.get("id")
        own = element.get("classifiedObject") or element.get("registryObject")
        apart = not any(local(p.tag) in PARTS | {"RegistryPackage", "Association"} for p in parents)
        return own if place is None and name in PARTS and apart and own in self.documents else place

    def take(self, element, parents, place):
        place = self.place_of(element, parents, place)
        for name, value in element.attrib.items():
            if normal(value) and not is_meant_to_be_left(name, value, element, parents, self.referred, self.ids):
                self.values[place][normal(value)] += 1
        own = normal("".join([element.text or ""] + [child.tail or "" for child in element]))
        if own:
            self.values[place][own] += 1
        if local(element.tag) not in ELEMENTS:
            self.names[place].add(local(element.tag))
        for child in element:
            self.take(child, parents + [element], place)


class Told:
    """What part of an answer says: every text with how often, and the steps of all paths."""

    def __init__(self, *nodes):
        self.values, self.steps = collections.Counter(), set()
        for node in nodes:
            self.take(node)

    def take(self, node):
        if isinstance(node, dict):
            for key, inner in node.items():
                if key == "path":
                    self.steps.update(str(inner).split("/"))
                self.take(inner)
        elif isinstance(node, list):
            for inner in node:
                self.take(inner)
        elif isinstance(node, str):
            self.values[normal(node)] += 1


def entries_of(answer):
    """id -> what is said of the document with it, and what of it repeats what stands elsewhere taken away."""
    out = collections.defaultdict(list)
    said = [child.get("container", {}) for child in answer.get("children", [])] + answer.get("items", [])
    for metadata in [one["metadata"] for one in said if "metadata" in one]:
        out[metadata.get("entryId")].append({k: v for k, v in metadata.items() if k != "associations"})
    return out


def missing(metadata, answer, by_place=True):
    """Lines, one for each thing that one of the metadata files says and the answer does not. Empty: nothing is lost.
    `by_place`: documents are where the standards want them, so what is said of one is looked for beside it."""
    entries = entries_of(answer)
    document = {k: v for k, v in answer["document"].items() if k not in ("documents", "title", "id", "effectiveTime")}
    skipped = "\n".join(normal(s["reason"]) for s in answer.get("skipped", []))
    raws = [Raw(xml, by_place) for xml in metadata]
    out = []
    for place in {p for raw in raws for p in raw.values} | {p for raw in raws for p in raw.names}:
        told = Told(entries[place]) if place is not None else Told(document) if by_place else Told(document, *entries.values())
        values = collections.Counter()
        for raw in raws:
            values.update(raw.values[place])
        for value, times in sorted(values.items()):
            if told.values[value] < times and value not in skipped:
                out.append("%s: %s x%d" % (place or "package", value, times - told.values[value]))
        for name in sorted(set().union(*(raw.names[place] for raw in raws)) - told.steps):
            out.append("%s: element %s" % (place or "package", name))
    return out
