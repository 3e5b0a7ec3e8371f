"""The generator: what it refuses, and that what it writes hangs together.

usage: test_schema_gen.py TOOLS_DIR SCHEMA...
"""

import json
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

sys.dont_write_bytecode = True
TOOLS, SCHEMA = sys.argv[1], sys.argv[2:]
sys.path.insert(0, TOOLS)

import schema_c
import schema_doc
import schema_openapi
import schema_parse
import schema_rest
import schema_wsdl

VERSIONS = 'versions { 2.0; 5.0 advertised; 6.0; }\nobject ManagedObject { }\n'
XSD = '{http://www.w3.org/2001/XMLSchema}'
WSDL = '{http://schemas.xmlsoap.org/wsdl/}'


def load(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'versions.vim')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(VERSIONS + text)
        return schema_parse.load([path])


class Refusals(unittest.TestCase):
    def refused(self, text, words):
        with self.assertRaises(schema_parse.SchemaError) as caught:
            load(text)
        self.assertIn(words, str(caught.exception))
        self.assertRegex(str(caught.exception), r'versions\.vim:\d+: ')

    def test_unknown_names(self):
        self.refused('data A { b: B; }', 'unknown type B')
        self.refused('data A extends B { }', 'unknown base type B')
        self.refused('data A { b: ref B; }', 'unknown managed object type B')
        self.refused('data A { b: int since 7.0; }', "unknown release '7.0'")
        self.refused('object O { M() -> void faults F; }', 'F is not a fault')
        self.refused('data F { }\nobject O { M() -> void faults F; }', 'F is not a fault')
        self.refused('extend O { M() -> void; }', 'unknown managed object type O')

    def test_twice(self):
        self.refused('data A { }\ndata A { }', 'A is declared twice')
        self.refused('data A { }\nenum A { a; }', 'A is declared twice')
        self.refused('data A { x: int; x: int; }', 'x is declared twice')
        self.refused('data A { x: int; }\ndata B extends A { x: int; }', 'x is declared twice')
        self.refused('enum E { a; a; }', 'a is listed twice')
        self.refused('data string { }', 'string is declared twice')
        self.refused('object O { M() -> void; }\nobject P { M() -> void; }', 'M is declared twice')

    def test_shapes(self):
        self.refused('data A extends B { }\ndata B extends A { }', 'inherits from itself')
        self.refused('opaque A;\ndata B extends A { }', 'extends an opaque type')
        self.refused('object O { x: int; }', 'has no privilege')
        self.refused('abstract enum E { a; }', 'only data objects can be abstract')
        self.refused('data A { x int; }', "expected ':'")
        self.refused('data A { x: int }', "expected ';'")
        self.refused('data A {', 'found')
        self.refused('data A { $ }', 'cannot read')
        self.refused('thing A { }', 'unknown declaration')

    def test_operations(self):
        self.refused('operation o: LOOK /a -> void;', 'unknown verb LOOK')
        self.refused('operation o: GET /a body B -> void;', 'unknown type B')
        self.refused('operation o: GET /a -> B;', 'unknown type B')
        self.refused('operation o: GET /a -> void errors OOPS;', 'unknown error OOPS')
        self.refused('operation o: GET /a -> void;\noperation o: GET /b -> void;', 'o is declared twice')
        self.refused('operation o: GET /a/{x} -> void;\noperation p: GET /a/{y} -> void;', 'is declared twice')
        self.refused('data A { m: map B; }', 'unknown type B')

    def test_releases_are_inherited(self):
        model = load('data A since 5.0 { x: int; y: int since 6.0; }\ndata B extends A { }')
        self.assertEqual(model.data['B'].since, '5.0')
        self.assertEqual([f.since for f in model.data['A'].fields], ['5.0', '6.0'])

    def test_no_releases(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'a.vim')
            with open(path, 'w', encoding='utf-8') as f:
                f.write('data A { }')
            with self.assertRaises(schema_parse.SchemaError):
                schema_parse.load([path])


class Output(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = schema_parse.load(SCHEMA)

    def test_same_input_same_output(self):
        again = schema_parse.load(list(reversed(SCHEMA)))
        first, second = schema_c.Writer(self.model), schema_c.Writer(again)
        self.assertEqual(first.types_h(), second.types_h())
        self.assertEqual(first.methods_h(), second.methods_h())
        self.assertEqual(first.tables_c(), second.tables_c())

    def test_conventions(self):
        h = schema_c.Writer(load('''
            enum E { a; b since 6.0; }
            data D { s: string; i: int; oi?: int; oe?: E; r?: ref any; list: int[]; default: long; }
            ''')).types_h()
        for line in ('    const char *s;', '    int32_t i;', '    bool has_oi;', '    int32_t oi;',
                     '    enum vim_E oe;', '    struct vim_ref r;', '    struct vim_array_int list;',
                     '    int64_t default_;', '    VIM_E_UNSET = 0,', '    VIM_E_b,'):
            self.assertIn(line + '\n', h)
        for name in ('has_i;', 'has_oe;', 'has_r;', 'has_s;'):
            self.assertNotIn(name, h)

    def test_rest(self):
        model = load('''
            data B { secret_: string secret; m?: map int; }
            operation one: POST /api/{x}/y?action=go (q: string[]) body B -> map B status 201 errors NOT_FOUND;
            operation two: GET /api/{x}/y -> void;
            ''')
        writer = schema_rest.Writer(model)
        h, c = writer.types_h(), writer.tables_c()
        self.assertIn('struct rest_one_query {\n    struct vim_array_string q;\n};', h)
        self.assertIn('struct rest_one_result {\n    struct rest_array_MapOfB value;\n};', h)
        self.assertNotIn('rest_two_', h)
        self.assertIn('VIM_FIELD_OPTIONAL | VIM_FIELD_ARRAY | VIM_FIELD_MAP', c)
        self.assertIn('{"one", REST_POST, "/api/{x}/y", "action", "go", &rest_query_one, &rest_type_B, '
                      '&rest_result_one, 201, false, false, false}', c)
        document = json.loads(schema_openapi.document(model))
        one = document['paths']['/api/{x}/y?action=go']['post']
        self.assertEqual(sorted(one['responses']), ['201', '401', '404'])
        self.assertEqual([p['name'] for p in one['parameters']], ['x', 'action', 'q'])
        self.assertEqual(document['components']['schemas']['B']['required'], ['secret_'])
        self.assertEqual(list(document['paths']['/api/{x}/y']['get']['responses']), ['204', '401'])

    def test_wsdl_is_closed(self):
        """Every name that the WSDL uses is declared in it."""
        xsd = ET.fromstring(schema_wsdl.types_xsd(self.model).encode())
        wsdl = ET.fromstring(schema_wsdl.vim_wsdl(self.model).encode())
        types = {t.get('name') for kind in ('complexType', 'simpleType') for t in xsd.findall(XSD + kind)}
        elements = {e.get('name') for e in xsd.findall(XSD + 'element')}
        used = {e.get('type') for e in xsd.iter(XSD + 'element') if e.get('type')}
        used |= {e.get('base') for e in xsd.iter(XSD + 'extension')}
        for name in used:
            prefix, local = name.split(':')
            if prefix == 'vim25':
                self.assertIn(local, types)
        messages = {m.get('name') for m in wsdl.findall(WSDL + 'message')}
        for part in wsdl.iter(WSDL + 'part'):
            self.assertIn(part.get('element').split(':')[1], elements)
        operations = wsdl.find(WSDL + 'portType').findall(WSDL + 'operation')
        for operation in operations:
            for child in operation:
                self.assertIn(child.get('message').split(':')[1], messages)
        visible = {m.name for m in self.model.methods.values() if not m.hidden}
        self.assertEqual({o.get('name') for o in operations}, visible)
        self.assertEqual(len(operations), len(wsdl.find(WSDL + 'binding').findall(WSDL + 'operation')))
        self.assertNotIn('Fetch', visible)
        ET.fromstring(schema_wsdl.service_wsdl().encode())

    def test_reference_names_everything(self):
        page = schema_doc.reference(self.model)
        for name in self.model.methods:
            self.assertIn(f'#### {name}\n', page)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=1)
