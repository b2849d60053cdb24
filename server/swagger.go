package server

import (
	"maps"
	"strings"
)

// PathSwagger is where the description of [PathOpenAPI] is as Swagger 2.0, which Azure Mobile Apps' servers gave.
const PathSwagger = "/swagger"

// swagger is a description by OpenAPI 3.1, such as describe makes it, in the words of Swagger 2.0.
func swagger(from object) object {
	components := from["components"].(object)
	paths, definitions := object{}, object{}
	for path, methods := range from["paths"].(object) {
		all := object{}
		for method, o := range methods.(object) {
			all[method] = swaggerOperation(o.(object))
		}
		paths[path] = all
	}
	for name, schema := range components["schemas"].(object) {
		definitions[name] = swaggerSchema(schema)
	}
	return object{
		"swagger": "2.0", "info": from["info"], "consumes": []any{jsonType}, "produces": []any{jsonType},
		"paths": paths, "definitions": definitions,
		"securityDefinitions": object{"zumo": components["securitySchemes"].(object)["zumo"]},
	}
}

const jsonType = "application/json"

// swaggerOperation describes one method of a path.
func swaggerOperation(from object) object {
	to := object{"summary": from["summary"]}
	var parameters []any
	if list, ok := from["parameters"].([]any); ok {
		for _, v := range list {
			p := maps.Clone(v.(object))
			maps.Copy(p, p["schema"].(object))
			delete(p, "schema")
			parameters = append(parameters, p)
		}
	}
	if body, ok := from["requestBody"].(object); ok {
		parameters = append(parameters, object{"in": "body", "name": "body", "required": true, "schema": swaggerContent(body)})
	}
	if parameters != nil {
		to["parameters"] = parameters
	}
	responses := object{}
	for status, v := range from["responses"].(object) {
		answer := object{"description": v.(object)["description"]}
		if schema := swaggerContent(v.(object)); schema != nil {
			answer["schema"] = schema
		}
		responses[status] = answer
	}
	to["responses"] = responses
	if from["security"] != nil { // it knows no bearer tokens
		to["security"] = []any{object{"zumo": []any{}}}
	}
	return to
}

// swaggerContent is the schema of a body, nil where there is none.
func swaggerContent(of object) any {
	all, ok := of["content"].(object)
	if !ok {
		return nil
	}
	return swaggerSchema(all[jsonType].(object)["schema"])
}

// swaggerSchema is a schema whose references lead to the definitions, and whose types are one each: null is an extension there.
func swaggerSchema(v any) any {
	from, ok := v.(object)
	if !ok {
		return v
	}
	to := object{}
	for key, value := range from {
		switch types, several := value.([]string); {
		case key == "$ref":
			to[key] = strings.Replace(value.(string), "#/components/schemas/", "#/definitions/", 1)
		case key == "type" && several:
			to[key], to["x-nullable"] = types[0], true
		case key == "properties":
			properties := object{}
			for name, schema := range value.(object) {
				properties[name] = swaggerSchema(schema)
			}
			to[key] = properties
		default:
			to[key] = swaggerSchema(value)
		}
	}
	return to
}
