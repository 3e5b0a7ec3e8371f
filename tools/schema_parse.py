"""Reads the interface language of schema/*.vim into a checked model.

The language is described in docs/api-schema.md. A schema that names something undeclared, gives a
field twice, or has a required field newer than its release list is refused with file and line.
"""

import re

PRIMITIVES = {
    # schema name: (kind, C type, xsd name or None, array suffix)
    'boolean': ('BOOLEAN', 'bool', 'boolean', 'boolean'),
    'byte': ('BYTE', 'int8_t', 'byte', 'byte'),
    'short': ('SHORT', 'int16_t', 'short', 'short'),
    'int': ('INT', 'int32_t', 'int', 'int'),
    'long': ('LONG', 'int64_t', 'long', 'long'),
    'float': ('FLOAT', 'float', 'float', 'float'),
    'double': ('DOUBLE', 'double', 'double', 'double'),
    'dateTime': ('DATETIME', 'int64_t', 'dateTime', 'dateTime'),
    'string': ('STRING', 'const char *', 'string', 'string'),
    'anyURI': ('STRING', 'const char *', 'anyURI', 'string'),
    'typeName': ('STRING', 'const char *', None, 'string'),
    'methodName': ('STRING', 'const char *', None, 'string'),
    'propertyPath': ('STRING', 'const char *', None, 'string'),
    'base64Binary': ('BINARY', 'struct vim_binary', 'base64Binary', 'binary'),
    'anyType': ('ANY', 'struct vim_any *', 'anyType', 'any'),
}

# REST errors and their HTTP status, as in src/hostd/rest_error.c.
REST_STATUS = {
    'ALREADY_EXISTS': 400, 'ALREADY_IN_DESIRED_STATE': 400, 'INVALID_ARGUMENT': 400,
    'NOT_ALLOWED_IN_CURRENT_STATE': 400, 'RESOURCE_IN_USE': 400, 'UNSUPPORTED': 400, 'UNAUTHENTICATED': 401,
    'UNAUTHORIZED': 403, 'NOT_FOUND': 404, 'ERROR': 500, 'RESOURCE_BUSY': 500, 'RESOURCE_INACCESSIBLE': 500,
    'UNABLE_TO_ALLOCATE_RESOURCE': 500, 'SERVICE_UNAVAILABLE': 503, 'TIMED_OUT': 504,
}

TOKEN = re.compile(r'''
    (?P<space>\s+|\#[^\n]*)
  | (?P<arrow>->)
  | (?P<number>\d[A-Za-z0-9.]*)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*)
  | (?P<path>/[A-Za-z0-9_{}/-]+(?:\?~?action=[A-Za-z]+)?)
  | (?P<mark>[{}()\[\]:;,?])
''', re.X)


class SchemaError(Exception):
    pass


class TypeRef:
    """What a field holds: a primitive, a named type or a reference, one or many."""

    def __init__(self, name, is_ref, is_array, where):
        self.name = name
        self.is_ref = is_ref
        self.is_array = is_array
        self.is_map = False
        self.where = where


class Field:
    def __init__(self, name, type_, optional, where):
        self.name = name
        self.type = type_
        self.optional = optional
        self.where = where
        self.since = None
        self.privilege = None
        self.default = False
        self.secret = False


class Data:
    def __init__(self, name, where):
        self.name = name
        self.where = where
        self.base = None
        self.since = None
        self.fault = False
        self.abstract = False
        self.opaque = False
        self.fields = []


class Enum:
    def __init__(self, name, where):
        self.name = name
        self.where = where
        self.since = None
        self.values = []  # (name, since)


class Method:
    def __init__(self, name, where):
        self.name = name
        self.where = where
        self.params = []
        self.result = None  # Field or None
        self.task = False
        self.task_result = None
        self.privilege = None
        self.since = None
        self.faults = []
        self.anonymous = False
        self.hidden = False


class Operation:
    """Of REST: a verb on a path."""

    def __init__(self, name, where):
        self.name = name
        self.where = where
        self.verb = None
        self.path = None  # "/api/vcenter/vm/{vm}/power"
        self.action = None  # value of the query parameter "action"
        self.action_name = 'action'
        self.query = []
        self.body = None  # name of a data object, or of a primitive type
        self.late = False  # the handler reads it, after checks of its own
        self.simulated = False  # the published simulator answers it in a way of its own
        self.result = None  # Field or None
        self.status = None
        self.login = False  # takes a name and password instead of a session
        self.errors = []

    def variables(self):
        return re.findall(r'\{(\w+)\}', self.path)


class ManagedObject:
    def __init__(self, name, where):
        self.name = name
        self.where = where
        self.base = None
        self.since = None
        self.privilege = None
        self.properties = []
        self.methods = []


class Model:
    def __init__(self):
        self.versions = []
        self.advertised = None
        self.data = {}
        self.enums = {}
        self.objects = {}
        self.methods = {}
        self.operations = {}
        self.extensions = []  # (managed object name, methods, where)

    def version(self, name):
        return self.versions.index(name)

    def all_fields(self, data):
        """Inherited fields first, in wire order."""
        chain = []
        while data:
            chain.insert(0, data)
            data = self.data[data.base] if data.base else None
        return [f for d in chain for f in d.fields]

    def all_properties(self, mo):
        chain = []
        while mo:
            chain.insert(0, mo)
            mo = self.objects[mo.base] if mo.base else None
        return [p for m in chain for p in m.properties]


class Parser:
    def __init__(self, path, text, model):
        self.path = path
        self.model = model
        self.tokens = []
        self.pos = 0
        offset = 0
        line = 1
        while offset < len(text):
            m = TOKEN.match(text, offset)
            if not m:
                raise SchemaError(f'{path}:{line}: cannot read {text[offset:offset + 20]!r}')
            if m.lastgroup != 'space':
                self.tokens.append((m.group(), line, m.lastgroup))
            line += m.group().count('\n')
            offset = m.end()
        self.tokens.append((None, line, 'end'))

    def peek(self, ahead=0):
        return self.tokens[min(self.pos + ahead, len(self.tokens) - 1)][0]

    def where(self):
        return f'{self.path}:{self.tokens[self.pos][1]}'

    def fail(self, text):
        raise SchemaError(f'{self.where()}: {text}')

    def next(self):
        token = self.tokens[self.pos][0]
        if token is None:
            self.fail('unexpected end of file')
        self.pos += 1
        return token

    def accept(self, token):
        if self.peek() == token:
            self.pos += 1
            return True
        return False

    def expect(self, token):
        if not self.accept(token):
            self.fail(f'expected {token!r}, found {self.peek()!r}')

    def word(self, what):
        if self.tokens[self.pos][2] != 'word':
            self.fail(f'expected {what}, found {self.peek()!r}')
        return self.next()

    def release(self):
        name = self.next()
        if name not in self.model.versions:
            self.pos -= 1
            self.fail(f'unknown release {name!r}')
        return name

    def parse(self):
        while self.peek() is not None:
            self.declaration()

    def declaration(self):
        where = self.where()
        abstract = self.accept('abstract')
        kind = self.next()
        if kind in ('data', 'fault'):
            self.parse_data(kind, abstract, where)
        elif abstract:
            self.fail('only data objects can be abstract')
        elif kind == 'opaque':
            self.parse_opaque()
        elif kind == 'enum':
            self.parse_enum(where)
        elif kind == 'object':
            self.parse_object(where)
        elif kind == 'extend':
            self.parse_extend(where)
        elif kind == 'operation':
            self.parse_operation(where)
        elif kind == 'versions':
            self.parse_versions()
        else:
            raise SchemaError(f'{where}: unknown declaration {kind!r}')

    def declare(self, table, item):
        for other in (self.model.data, self.model.enums, self.model.objects):
            if item.name in other and not (table is self.model.methods):
                raise SchemaError(f'{item.where}: {item.name} is declared twice')
        if item.name in table or item.name in PRIMITIVES:
            raise SchemaError(f'{item.where}: {item.name} is declared twice')
        table[item.name] = item

    def parse_versions(self):
        self.expect('{')
        while not self.accept('}'):
            name = self.next()
            if name in self.model.versions:
                self.fail(f'release {name} is listed twice')
            self.model.versions.append(name)
            if self.accept('advertised'):
                self.model.advertised = name
            self.expect(';')

    def parse_opaque(self):
        while True:
            d = Data(self.word('a type name'), self.where())
            d.opaque = True
            self.declare(self.model.data, d)
            if self.accept('since'):
                d.since = self.release()
            if self.accept(';'):
                return
            self.expect(',')

    def parse_data(self, kind, abstract, where):
        d = Data(self.word('a type name'), where)
        d.fault = kind == 'fault'
        d.abstract = abstract
        if self.accept('extends'):
            d.base = self.word('a base type')
        if self.accept('since'):
            d.since = self.release()
        self.expect('{')
        while not self.accept('}'):
            d.fields.append(self.field())
            self.expect(';')
        self.declare(self.model.data, d)

    def parse_enum(self, where):
        e = Enum(self.word('an enumeration name'), where)
        if self.accept('since'):
            e.since = self.release()
        self.expect('{')
        while not self.accept('}'):
            name = self.word('a value')
            since = self.release() if self.accept('since') else None
            if name in [v[0] for v in e.values]:
                self.fail(f'value {name} is listed twice')
            e.values.append((name, since))
            self.expect(';')
        self.declare(self.model.enums, e)

    def type_ref(self):
        where = self.where()
        if self.accept('map'):
            return self.map_type(where)
        is_ref = self.accept('ref')
        name = self.word('a type')
        is_array = self.accept('[')
        if is_array:
            self.expect(']')
        return TypeRef(name, is_ref, is_array, where)

    def map_type(self, where):
        """An array of entries with key and value; there is one entry type for each type of value."""
        value = self.type_ref()
        name = 'MapOf' + value.name[0].upper() + value.name[1:]
        if name not in self.model.data:
            entry = Data(name, where)
            entry.fields = [Field('key', TypeRef('string', False, False, where), False, where),
                            Field('value', value, False, where)]
            self.declare(self.model.data, entry)
        t = TypeRef(name, False, True, where)
        t.is_map = True
        return t

    def parse_operation(self, where):
        op = Operation(self.word('an operation name'), where)
        self.expect(':')
        op.verb = self.word('a verb')
        if op.verb not in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE'):
            self.fail(f'unknown verb {op.verb}')
        op.path, _, query = self.next().partition('?')
        if query:
            op.action_name, _, op.action = query.partition('=')
        if self.accept('('):
            while not self.accept(')'):
                op.query.append(self.field())
                if self.peek() != ')':
                    self.expect(',')
        if self.accept('body'):
            op.body = self.word('a type')
            op.late = bool(self.accept('late'))
        self.expect('->')
        if not self.accept('void'):
            t = self.type_ref()
            op.result = Field('value', t, self.accept('?'), where)
        op.status = 200 if op.result else 204
        while not self.accept(';'):
            if self.accept('status'):
                op.status = int(self.next())
            elif self.accept('login'):
                op.login = True
            elif self.accept('simulated'):
                op.simulated = True
            elif self.accept('errors'):
                op.errors.append(self.word('an error'))
                while self.accept(','):
                    op.errors.append(self.word('an error'))
            else:
                self.fail(f'expected a clause or ";", found {self.peek()!r}')
        if op.name in self.model.operations:
            raise SchemaError(f'{where}: operation {op.name} is declared twice')
        self.model.operations[op.name] = op

    def field(self):
        where = self.where()
        name = self.word('a field name')
        optional = self.accept('?')
        self.expect(':')
        f = Field(name, self.type_ref(), optional, where)
        while True:
            if self.accept('needs'):
                f.privilege = self.word('a privilege')
            elif self.accept('since'):
                f.since = self.release()
            elif self.accept('default'):
                f.default = True
            elif self.accept('secret'):
                f.secret = True
            else:
                return f

    def parse_object(self, where):
        mo = ManagedObject(self.word('a managed object type'), where)
        if self.accept('extends'):
            mo.base = self.word('a base type')
        elif mo.name != 'ManagedObject':
            mo.base = 'ManagedObject'
        if self.accept('since'):
            mo.since = self.release()
        if self.accept('needs'):
            mo.privilege = self.word('a privilege')
        self.expect('{')
        while not self.accept('}'):
            if self.peek(1) == '(':
                method = self.method(mo)
                mo.methods.append(method)
                self.declare(self.model.methods, method)
            else:
                f = self.field()
                f.privilege = f.privilege or mo.privilege
                if not f.privilege:
                    raise SchemaError(f'{f.where}: property {f.name} has no privilege')
                mo.properties.append(f)
                self.expect(';')
        self.declare(self.model.objects, mo)

    def parse_extend(self, where):
        name = self.word('a managed object type')
        methods = []
        self.expect('{')
        while not self.accept('}'):
            methods.append(self.method(None))
            self.declare(self.model.methods, methods[-1])
        self.model.extensions.append((name, methods, where))

    def method(self, mo):
        m = Method(self.word('a method'), self.where())
        m.mo = mo
        self.expect('(')
        while not self.accept(')'):
            m.params.append(self.field())
            if self.peek() != ')':
                self.expect(',')
        self.expect('->')
        if self.accept('task'):
            m.task = True
            m.result = Field('returnval', TypeRef('Task', True, False, m.where), False, m.where)
            if self.accept('of'):
                m.task_result = self.type_ref()
        elif not self.accept('void'):
            t = self.type_ref()
            m.result = Field('returnval', t, self.accept('?'), m.where)
        while not self.accept(';'):
            if self.accept('needs'):
                m.privilege = self.word('a privilege')
            elif self.accept('since'):
                m.since = self.release()
            elif self.accept('anonymous'):
                m.anonymous = True
            elif self.accept('hidden'):
                m.hidden = True
            elif self.accept('faults'):
                m.faults.append(self.word('a fault'))
                while self.accept(','):
                    m.faults.append(self.word('a fault'))
            else:
                self.fail(f'expected a clause or ";", found {self.peek()!r}')
        if m.privilege == 'System.Anonymous':
            m.anonymous = True
        return m


def check_type(model, t):
    if t.is_ref:
        if t.name != 'any' and t.name not in model.objects:
            raise SchemaError(f'{t.where}: unknown managed object type {t.name}')
    elif t.name not in PRIMITIVES and t.name not in model.data and t.name not in model.enums:
        raise SchemaError(f'{t.where}: unknown type {t.name}')


def check_bases(table):
    for item in table.values():
        seen = {item.name}
        base = item.base
        while base:
            if base not in table:
                raise SchemaError(f'{item.where}: unknown base type {base}')
            if base in seen:
                raise SchemaError(f'{item.where}: {item.name} inherits from itself')
            seen.add(base)
            base = table[base].base


def check_unique(fields):
    seen = set()
    for f in fields:
        if f.name in seen:
            raise SchemaError(f'{f.where}: {f.name} is declared twice')
        seen.add(f.name)


def inherit_release(model, item, table):
    """A derived type is at least as new as its base."""
    own = model.version(item.since) if item.since else 0
    if item.base:
        inherit_release(model, table[item.base], table)
        base = table[item.base].since
        own = max(own, model.version(base) if base else 0)
    item.since = model.versions[own]


def settle_fields(model, fields, floor):
    for f in fields:
        check_type(model, f.type)
        if f.since is None or model.version(f.since) < model.version(floor):
            f.since = floor


def check(model):
    if not model.versions or not model.advertised:
        raise SchemaError('the schema has no list of releases with an advertised one')
    for name, methods, where in model.extensions:
        if name not in model.objects:
            raise SchemaError(f'{where}: unknown managed object type {name}')
        for m in methods:
            m.mo = model.objects[name]
        model.objects[name].methods += methods
    check_bases(model.data)
    check_bases(model.objects)
    for d in model.data.values():
        inherit_release(model, d, model.data)
        if d.base and model.data[d.base].fault:
            d.fault = True
        if d.base and model.data[d.base].opaque:
            raise SchemaError(f'{d.where}: {d.name} extends an opaque type')
    for e in model.enums.values():
        e.since = e.since or model.versions[0]
        e.values = [(n, s or e.since) for n, s in e.values]
    for d in model.data.values():
        settle_fields(model, d.fields, d.since)
        check_unique(model.all_fields(d))
    for mo in model.objects.values():
        inherit_release(model, mo, model.objects)
    for mo in model.objects.values():
        settle_fields(model, mo.properties, mo.since)
        check_unique(model.all_properties(mo))
        for m in mo.methods:
            floor = m.since or mo.since
            if model.version(floor) < model.version(mo.since):
                floor = mo.since
            m.since = floor
            # A parameter is at least as new as its method.
            settle_fields(model, m.params, floor)
            check_unique(m.params)
            if m.result:
                settle_fields(model, [m.result], floor)
            if m.task_result:
                check_type(model, m.task_result)
            for f in m.faults:
                if f not in model.data or not model.data[f].fault:
                    raise SchemaError(f'{m.where}: {f} is not a fault')


def check_operations(model):
    seen = set()
    for op in model.operations.values():
        form = (op.verb, re.sub(r'\{\w+\}', '{}', op.path), op.action)
        if form in seen:
            raise SchemaError(f'{op.where}: {op.verb} {op.path} is declared twice')
        seen.add(form)
        if op.body and op.body not in model.data and not (op.late and op.body in PRIMITIVES):
            raise SchemaError(f'{op.where}: unknown type {op.body}')
        for error in op.errors:
            if error not in REST_STATUS:
                raise SchemaError(f'{op.where}: unknown error {error}')
        settle_fields(model, op.query + ([op.result] if op.result else []), model.versions[0])
        check_unique(op.query)


def load(paths):
    model = Model()
    parsers = []
    for path in sorted(paths, key=lambda p: (not p.endswith('versions.vim'), p)):
        with open(path, encoding='utf-8') as f:
            parser = Parser(path, f.read(), model)
        parser.parse()
    check(model)
    check_operations(model)
    return model
