"""Reads an expression into a tree: operators by how tightly they bind, then calls, members and literals."""

from functools import lru_cache

from argosy.expressions.errors import ExpressionError
from argosy.expressions.limits import MAX_DEPTH
from argosy.expressions.syntax import (
    Binary,
    Call,
    Chain,
    Conditional,
    Constant,
    Let,
    ListOf,
    MapOf,
    Member,
    Name,
    Node,
    Pointer,
    Predicate,
    Sequence,
    Slice,
    Unary,
)
from argosy.expressions.tokens import Token, tokens

BINDING = {"|": 0, "or": 10, "||": 10, "and": 15, "&&": 15, "..": 25, "+": 30, "-": 30, "*": 60, "/": 60, "%": 60}
BINDING |= dict.fromkeys(("==", "!=", "<", ">", ">=", "<=", "in", "matches", "contains", "startsWith", "endsWith"), 20)
BINDING |= {"**": 100, "^": 100, "??": 500}
PREFIX = {"not": 50, "!": 50, "-": 90, "+": 90}
NEGATABLE = ("in", "matches", "contains", "startsWith", "endsWith")
SAME_AS = {"and": "&&", "or": "||", "^": "**"}
ORDERED = ("<", ">", "<=", ">=")
WORDS = {"true": True, "false": False, "nil": None}
# The functions whose second argument is evaluated for each element, and whether they can do without it.
PREDICATES = {
    **dict.fromkeys(("all", "none", "any", "one", "filter", "map", "find", "findIndex", "findLast", "findLastIndex"), False),
    **dict.fromkeys(("groupBy", "countBy", "sortBy", "reduce"), False),
    **dict.fromkeys(("count", "sum"), True),
}
MAX_CHAIN = 1000  # operators one after the other
MAX_MEMBERS = 50  # members, calls and pipes one after the other


@lru_cache(maxsize=4096)
def parse(source: str) -> Node:
    """The tree of an expression."""
    return Parser(source).whole()


class Parser:
    """One walk over the tokens; every method leaves `at` behind what it read."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.at = 0
        self.depth = 0
        self.predicates = 0

    def whole(self) -> Node:
        if self.tokens[0].kind == "end":
            raise self.error(self.tokens[0], "the expression is empty; write a value, such as  inputs.parameters.x")
        node = self.sequence()
        if self.now.kind != "end":
            raise self.unexpected(self.now)
        return node

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def sees(self, mark: str) -> bool:
        token = self.tokens[self.at]
        return token.value == mark and token.kind == "mark"

    def take(self, mark: str) -> bool:
        if self.sees(mark):
            self.at += 1
            return True
        return False

    def expect(self, mark: str, opening: Token | None = None) -> Token:
        token = self.now
        if not self.take(mark):
            if token.kind == "end" and opening is not None:
                raise self.error(opening, f"this '{opening.value}' is never closed; add a '{mark}'")
            if opening is not None and mark in ")]}":
                raise self.unexpected(token, f"'{mark}' or an operator")
            raise self.unexpected(token, f"'{mark}'")
        return token

    def sequence(self) -> Node:
        parts = [self.expression()]
        while self.take(";"):
            if self.now.kind == "end":
                break
            parts.append(self.expression())
        return parts[0] if len(parts) == 1 else Sequence(parts[0].start, parts[-1].end, parts)

    def expression(self) -> Node:
        self.deeper()
        if self.sees("let"):
            node = self.let()
        elif self.sees("if"):
            node = self.if_else()
        else:
            node = self.ternary(self.operators(0))
        self.depth -= 1
        return node

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(self.now, f"the expression is nested more than {MAX_DEPTH} deep")

    def let(self) -> Node:
        start = self.now.start
        self.at += 1
        name = self.name("a name for the variable")
        self.expect("=")
        value = self.expression()
        self.expect(";")
        body = self.sequence()
        return Let(start, body.end, name.value, value, body)

    def if_else(self) -> Node:
        start = self.now.start
        self.at += 1
        test = self.expression()
        then, other = self.block(), None
        self.expect("else")
        other = self.if_else() if self.sees("if") else self.block()
        return Conditional(start, other.end, test, then, other)

    def block(self) -> Node:
        opening = self.expect("{")
        node = self.sequence()
        self.expect("}", opening)
        return node

    def ternary(self, node: Node) -> Node:
        while self.take("?"):
            if self.take(":"):
                then: Node = node
            else:
                then = self.expression()
                self.expect(":")
            other = self.expression()
            node = Conditional(node.start, other.end, node, then, other)
        return node

    def operators(self, least: int) -> Node:
        left = self.prefix()
        links = 0
        while True:
            token = self.now
            negated = token.kind == "mark" and token.value == "not"
            operator = self.tokens[self.at + 1] if negated else token
            binding = BINDING.get(operator.value) if operator.kind == "mark" else None
            if binding is None or binding < least or (negated and operator.value not in NEGATABLE):
                return left
            self.at += 2 if negated else 1
            links += 1
            if links > MAX_CHAIN:
                raise self.error(token, f"more than {MAX_CHAIN} operators follow each other")
            left = self.joined(left, operator, binding)
            if negated:
                left = Unary(left.start, left.end, "not", left)

    def joined(self, left: Node, operator: Token, binding: int) -> Node:
        op = operator.value
        if op == "|":
            return self.piped(left)
        if op in ORDERED:
            return self.compared(left, operator, binding)
        right_first = op in ("**", "^")
        self.deeper()
        right = self.operators(binding if right_first else binding + 1)
        self.depth -= 1
        return Binary(left.start, right.end, SAME_AS.get(op, op), left, right, operator.start)

    def compared(self, left: Node, operator: Token, binding: int) -> Node:
        """`a < b <= c` asks for `a < b` and `b <= c`."""
        middle = self.operators(binding + 1)
        node: Node = Binary(left.start, middle.end, operator.value, left, middle, operator.start)
        while self.now.kind == "mark" and self.now.value in ORDERED:
            following = self.now
            self.at += 1
            right = self.operators(binding + 1)
            second = Binary(middle.start, right.end, following.value, middle, right, following.start)
            node = Binary(node.start, right.end, "&&", node, second, following.start)
            middle = right
        return node

    def piped(self, left: Node) -> Node:
        function = self.name("the function to call with what stands before '|'")
        callee: Node = Name(function.start, function.end, function.value)
        while self.take("."):
            member = self.name("a name")
            key = Constant(member.start, member.end, member.value)
            callee = Member(callee.start, member.end, callee, key, optional=False)
        opening = self.expect("(")
        return self.postfix(self.call(callee, opening, [left]))

    def prefix(self) -> Node:
        token = self.now
        if token.kind == "mark" and token.value in PREFIX:
            self.at += 1
            self.deeper()
            operand = self.operators(PREFIX[token.value])
            self.depth -= 1
            op = "not" if token.value == "!" else token.value
            return self.postfix(Unary(token.start, operand.end, op, operand))
        return self.postfix(self.primary())

    def primary(self) -> Node:
        token = self.now
        self.at += 1
        if token.kind == "name":
            if token.value in WORDS:
                return Constant(token.start, token.end, WORDS[token.value])
            return Name(token.start, token.end, token.value)
        if token.kind in ("number", "text"):
            return Constant(token.start, token.end, token.value)
        if token.kind == "mark":
            read = {"(": self.brackets, "[": self.list_of, "{": self.map_of}.get(token.value)
            if read is not None:
                return read(token)
            if token.value == "::":
                return self.primary()
            if self.predicates and token.value in "#.":
                return self.pointer(token)
        self.at -= 1
        raise self.unexpected(token, "a value")

    def pointer(self, token: Token) -> Node:
        name, end = "", token.end
        if token.value == ".":
            self.at -= 1  # `.field` is short for `#.field`: the member is read by postfix
            return Pointer(token.start, token.start, "")
        if self.now.kind == "name" and self.now.start == token.end:
            name, end = self.now.value, self.now.end
            self.at += 1
        return Pointer(token.start, end, name)

    def brackets(self, opening: Token) -> Node:
        node = self.sequence()
        closing = self.expect(")", opening)
        node.start, node.end = opening.start, closing.end
        return node

    def list_of(self, opening: Token) -> Node:
        items: list[Node] = []
        while not self.sees("]"):
            items.append(self.expression())
            if not self.take(","):
                break
        return ListOf(opening.start, self.expect("]", opening).end, items)

    def map_of(self, opening: Token) -> Node:
        members: list[tuple[Node, Node]] = []
        while not self.sees("}"):
            key = self.map_key()
            self.expect(":")
            members.append((key, self.expression()))
            if not self.take(","):
                break
        return MapOf(opening.start, self.expect("}", opening).end, members)

    def map_key(self) -> Node:
        token = self.now
        if token.kind in ("name", "text", "number") or (token.kind == "mark" and str(token.value).isalpha()):
            self.at += 1
            return Constant(token.start, token.end, str(token.value))
        if self.take("("):
            return self.brackets(token)
        raise self.unexpected(token, "a key: a name, a quoted text, or an expression in ( )")

    def postfix(self, node: Node) -> Node:
        optional, links = False, 0
        while self.now.kind == "mark":
            token = self.now
            if token.value in (".", "?."):
                self.at += 1
                optional = optional or token.value == "?."
                node = self.member(node, token)
            elif token.value == "[":
                self.at += 1
                node = self.indexed(node, token, optional=False)
            elif token.value == "(" and isinstance(node, Name | Member):
                self.at += 1
                node = self.call(node, token, [])
            else:
                break
            links += 1
            if links > MAX_MEMBERS:
                raise self.error(token, f"more than {MAX_MEMBERS} members follow each other")
        return Chain(node.start, node.end, node) if optional else node

    def member(self, target: Node, dot: Token) -> Node:
        optional = dot.value == "?."
        if optional and self.sees("["):
            opening = self.now
            self.at += 1
            return self.indexed(target, opening, optional=True)
        token = self.now
        word = token.kind == "name" or (token.kind == "mark" and str(token.value).isalpha())
        if not word:
            raise self.unexpected(token, f"a name after '{dot.value}'")
        self.at += 1
        key = Constant(token.start, token.end, token.value)
        return Member(target.start, token.end, target, key, optional)

    def indexed(self, target: Node, opening: Token, *, optional: bool) -> Node:
        low = None if self.sees(":") else self.expression()
        if self.take(":"):
            high = None if self.sees("]") else self.expression()
            return Slice(target.start, self.expect("]", opening).end, target, low, high)
        assert low is not None, "an index is read unless ':' comes first"
        return Member(target.start, self.expect("]", opening).end, target, low, optional)

    def call(self, function: Node, opening: Token, given: list[Node]) -> Node:
        arguments = given
        takes_predicate = isinstance(function, Name) and function.name in PREDICATES
        while not self.sees(")"):
            if takes_predicate and len(arguments) == 1:
                arguments.append(self.predicate())
            else:
                arguments.append(self.expression())
            if not self.take(","):
                break
        closing = self.expect(")", opening)
        return Call(function.start, closing.end, function, arguments)

    def predicate(self) -> Node:
        opening = self.now
        self.predicates += 1
        if self.take("{"):
            body = self.sequence()
            end = self.expect("}", opening).end
        else:
            body = self.expression()
            end = body.end
        self.predicates -= 1
        return Predicate(opening.start, end, body)

    def name(self, what: str) -> Token:
        token = self.now
        if token.kind != "name":
            raise self.unexpected(token, what)
        self.at += 1
        return token

    def error(self, token: Token, text: str) -> ExpressionError:
        return ExpressionError(self.source, token.start, token.end, text)

    def unexpected(self, token: Token, wanted: str = "an operator") -> ExpressionError:
        if token.kind == "end":
            return self.error(token, f"the expression ends where {wanted} was expected")
        shape = self.source[token.start : token.end]
        hint = ""
        if token.value == "=":
            hint = "; write == to compare"
        elif token.value in ("#", ".") and wanted == "a value":
            hint = f"; '{token.value}' stands only inside the second argument of filter, map and their kind"
        return self.error(token, f"found {shape if token.kind == 'text' else repr(shape)} where {wanted} was expected{hint}")
