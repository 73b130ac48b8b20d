from django.http import HttpRequest, HttpResponse


def search(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def lead(request: HttpRequest, lead_id: str) -> HttpResponse:
    return HttpResponse()
