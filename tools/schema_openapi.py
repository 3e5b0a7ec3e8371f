"""Writes an OpenAPI 3.0 document from the REST schema."""

import json

from schema_parse import PRIMITIVES, REST_STATUS

FORMS = {
    'boolean': {'type': 'boolean'},
    'int': {'type': 'integer', 'format': 'int32'},
    'long': {'type': 'integer', 'format': 'int64'},
    'double': {'type': 'number', 'format': 'double'},
    'string': {'type': 'string'},
    'anyURI': {'type': 'string', 'format': 'uri'},
    'dateTime': {'type': 'string', 'format': 'date-time'},
}

def link(name):
    return {'$ref': f'#/components/schemas/{name}'}


def single(model, name):
    return dict(FORMS[name]) if name in PRIMITIVES else link(name)


def form(model, t):
    if t.is_map:
        return {'type': 'object', 'additionalProperties': form(model, model.data[t.name].fields[1].type)}
    one = single(model, t.name)
    return {'type': 'array', 'items': one} if t.is_array else one


def field_form(model, f):
    out = form(model, f.type)
    if f.secret:
        out['format'] = 'password'
    return out


def component(model, d):
    required = [f.name for f in d.fields if not f.optional and not f.default]
    out = {'type': 'object', 'properties': {f.name: field_form(model, f) for f in d.fields}}
    if required:
        out['required'] = required
    return out


def body(schema):
    return {'content': {'application/json': {'schema': schema}}}


def parameters(model, op):
    out = [{'name': v, 'in': 'path', 'required': True, 'schema': {'type': 'string'}} for v in op.variables()]
    if op.action:
        out.append({'name': op.action_name, 'in': 'query', 'required': True,
                    'schema': {'type': 'string', 'enum': [op.action]}})
    out += [{'name': f.name, 'in': 'query', 'required': not f.optional, 'schema': form(model, f.type)}
            for f in op.query]
    return out


def responses(model, op):
    good = {'description': 'Done.'}
    if op.result:
        good.update(body(form(model, op.result.type)))
    out = {str(op.status): good}
    for error in op.errors + ([] if 'UNAUTHENTICATED' in op.errors else ['UNAUTHENTICATED']):
        status = str(REST_STATUS[error])
        known = out.get(status)
        words = f'{known["description"]}, {error}' if known else error
        out[status] = {'description': words, **body(link('Error'))}
    return {k: out[k] for k in sorted(out)}


def operation(model, op):
    out = {'operationId': op.name, 'responses': responses(model, op)}
    if parameters(model, op):
        out['parameters'] = parameters(model, op)
    if op.body:
        out['requestBody'] = {'required': True, **body(single(model, op.body))}
    if op.login:
        out['security'] = [{'basic': []}]
    return out


def document(model):
    paths = {}
    for name in sorted(model.operations):
        op = model.operations[name]
        # OpenAPI tells operations apart by path and verb alone; the action is part of the key, as the
        # vendor's own documents have it.
        key = op.path + (f'?{op.action_name}={op.action}' if op.action else '')
        paths.setdefault(key, {})[op.verb.lower()] = operation(model, op)
    schemas = {n: component(model, d) for n, d in model.data.items() if not n.startswith('MapOf')}
    schemas.update({n: {'type': 'string', 'enum': [v for v, _ in e.values]} for n, e in model.enums.items()})
    return json.dumps({
        'openapi': '3.0.3',
        'info': {'title': 'inguest REST API', 'version': model.advertised,
                 'description': 'Virtual machines and operations inside them.'},
        'servers': [{'url': '/'}],
        'security': [{'session': []}],
        'paths': dict(sorted(paths.items())),
        'components': {
            'securitySchemes': {
                'session': {'type': 'apiKey', 'in': 'header', 'name': 'vmware-api-session-id'},
                'basic': {'type': 'http', 'scheme': 'basic'},
            },
            'schemas': dict(sorted(schemas.items())),
        },
    }, indent=1) + '\n'
